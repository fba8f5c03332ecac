// JSON whose numbers stay what they are: JSON.parse rounds those that a double does not hold.

import { Decimal } from '../util/decimal.ts'

/** A number that may not be a double: many digits, or an exponent of three. Texts within strings match too, which only costs time. */
const LONG_NUMBER = /[\d.]{16}|\d[eE][+-]?\d{3}/
const INTEGER = /^-?\d+$/
const DEPTH_MAX = 1000

/**
 * The value of a JSON text. A number is a number where that is exact, else a bigint or, with a fraction or an exponent, a Decimal.
 * `__proto__` is a field like any other. Throws SyntaxError.
 */
export function parseExactJson(text: string): unknown {
  // Says whether the text is JSON at all, so that the reader need not.
  const value: unknown = JSON.parse(text)
  return LONG_NUMBER.test(text) ? new ExactReader(text).value(0) : value
}

/** Reads a text that is known to be JSON. */
class ExactReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): unknown {
    if (depth > DEPTH_MAX) throw new SyntaxError(`JSON is nested deeper than ${DEPTH_MAX} levels`)
    switch (this.#next()) {
      case '{':
        return this.#fields(depth)
      case '[':
        return this.#list(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  /** The next character that is no white space; stays before it. */
  #next(): string {
    const text = this.#text
    let at = this.#at
    while (text.charCodeAt(at) <= 0x20) at += 1
    this.#at = at
    return text.charAt(at)
  }

  #word<T>(word: string, value: T): T {
    this.#at += word.length
    return value
  }

  #fields(depth: number): Record<string, unknown> {
    const fields: Record<string, unknown> = {}
    this.#at += 1
    while (this.#next() !== '}') {
      if (this.#next() === ',') {
        this.#at += 1
        this.#next()
      }
      const name = this.#string()
      this.#next()
      this.#at += 1
      setField(fields, name, this.value(depth + 1))
    }
    this.#at += 1
    return fields
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = []
    this.#at += 1
    while (this.#next() !== ']') {
      if (this.#next() === ',') this.#at += 1
      list.push(this.value(depth + 1))
    }
    this.#at += 1
    return list
  }

  #string(): string {
    const text = this.#text
    const start = this.#at
    let end = text.indexOf('"', start + 1)
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
    this.#at = end + 1
    const inner = text.slice(start + 1, end)
    return inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner
  }

  #number(): number | bigint | Decimal {
    const start = this.#at
    while ('+-.eE0123456789'.includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1
    return exactNumber(this.#text.slice(start, this.#at))
  }
}

/** Sets a field of that name, whatever the name. */
export function setField(fields: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') fields[name] = value
  else Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true })
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0
  while (text.charAt(quote - 1 - backslashes) === '\\') backslashes += 1
  return backslashes % 2 === 1
}

function exactNumber(text: string): number | bigint | Decimal {
  const number = Number(text)
  if (INTEGER.test(text)) return Number.isSafeInteger(number) ? number : BigInt(text)
  return Number.isFinite(number) && new Decimal(text).eq(number) ? number : new Decimal(text)
}
