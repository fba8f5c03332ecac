// JSON.parse rounds integers beyond 2^53. Here they become bigints.

/** Marks, while JSON.parse runs, a string that stands for an integer; strings that begin with it themselves get it twice. */
const MARK = '~'
const LONG = /\d{16}/

/** The value of a JSON text, its integers beyond 2^53 as bigints. Throws SyntaxError. */
export function parseExactJson(text: string): unknown {
  return LONG.test(text) ? JSON.parse(markIntegers(text), unmark) : JSON.parse(text)
}

function unmark(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(MARK)) return value
  return value.startsWith(MARK, 1) ? value.slice(1) : BigInt(value.slice(1))
}

/** The same text with its unsafe integers, and its strings that begin with the mark, marked. By hand: strings may be megabytes long. */
function markIntegers(text: string): string {
  const parts: string[] = []
  let copied = 0
  const replace = (begin: number, end: number, by: string): void => {
    parts.push(text.slice(copied, begin), by)
    copied = end
  }
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (text.startsWith(MARK, at + 1) && !isName(text, end)) replace(at, at + 1, `"${MARK}`)
      at = end
    } else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, at)
      if (isUnsafe(text, at, end)) replace(at, end, `"${MARK}${text.slice(at, end)}"`)
      at = end
    } else at++
  }
  return parts.join('') + text.slice(copied)
}

const QUOTE = 34
const BACKSLASH = 92
const MINUS = 45
const COLON = 58

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

/** Behind the closing quote. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at + 1
  }
  return text.length
}

function endOfNumber(text: string, begin: number): number {
  let at = begin + 1
  while (at < text.length && /[\d.eE+-]/.test(text.charAt(at))) at++
  return at
}

/** Whether the string that ended here is the name of a member: reviver functions are not given those to change. */
function isName(text: string, end: number): boolean {
  let at = end
  while (at < text.length && text.charCodeAt(at) <= 32) at++
  return text.charCodeAt(at) === COLON
}

function isUnsafe(text: string, begin: number, end: number): boolean {
  if (end - begin < 16) return false
  const number = text.slice(begin, end)
  return /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number))
}
