// JSON documents as SQL. MySQL reads a number with a fraction as a double, but its documents may hold decimals too, made by SQL, and
// prints these with all their digits: such a number is put in as a decimal again.

import { textLiteral } from './literal-text.ts'

/** Documents without such a number are told by a glance, which may take one for another that is none. */
const MAYBE_DECIMAL = /\.\d*0(?![\d.eE])|\.\d{16}|\d{16}\.|0\.000000/

/** The document, for a column of type JSON. */
export function jsonLiteral(text: string): string {
  if (!MAYBE_DECIMAL.test(text)) return textLiteral(text)
  const decimals = new DecimalFinder(text).find()
  const [first] = decimals
  if (first === undefined) return textLiteral(text)
  if (first.path === '$') return `CAST(${first.sql} AS JSON)`
  const parts = decimals.map(({ path, sql }) => `${textLiteral(path)},${sql}`)
  return `JSON_REPLACE(CAST(${textLiteral(text)} AS JSON),${parts.join(',')})`
}

interface Decimal {
  readonly path: string
  readonly sql: string
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[^"\\]|\\.)*"/y
const SPACE = /\s*/y
const WORD = /true|false|null/y

/** Walks a document that the server printed, so it is well-formed. */
class DecimalFinder {
  readonly #text: string
  readonly #found: Decimal[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  find(): readonly Decimal[] {
    this.#value('$')
    return this.#found
  }

  #value(path: string): void {
    this.#take(SPACE)
    const first = this.#text[this.#at]
    if (first === '{') this.#members('}', () => `${path}.${this.#name()}`)
    else if (first === '[') this.#members(']', (index) => `${path}[${index}]`)
    else if (first === '"') this.#take(STRING)
    else if (this.#take(WORD) === '') this.#number(path)
    this.#take(SPACE)
  }

  #members(end: string, pathOf: (index: number) => string): void {
    this.#at += 1
    this.#take(SPACE)
    for (let index = 0; this.#at < this.#text.length && this.#text[this.#at] !== end; index++) {
      this.#value(pathOf(index))
      if (this.#text[this.#at] === ',') this.#at += 1
    }
    this.#at += 1
  }

  #name(): string {
    this.#take(SPACE)
    const name = this.#take(STRING)
    this.#take(SPACE)
    this.#at += 1
    return name
  }

  #number(path: string): void {
    const token = this.#take(NUMBER)
    if (token === '') this.#at += 1
    if (!isDecimal(token)) return
    const [whole = '', fraction = ''] = token.replace('-', '').split('.')
    const digits = Math.max(whole.length + fraction.length, fraction.length)
    if (digits > 65 || fraction.length > 30) return
    this.#found.push({ path, sql: `CAST('${token}' AS DECIMAL(${digits},${fraction.length}))` })
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const token = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += token.length
    return token
  }
}

/** A double is printed with as many digits as it takes, and no more. */
function isDecimal(token: string): boolean {
  if (!token.includes('.') || /[eE]/.test(token)) return false
  const value = Number(token)
  const shortest = Object.is(value, -0) ? '-0' : String(value)
  return token !== (/[.e]/.test(shortest) ? shortest : `${shortest}.0`)
}
