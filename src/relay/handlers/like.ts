// LIKE of SQL, without regular expressions: time grows with the text, whatever the pattern (of at most 1,000 characters).

const ANY = 0
const ONE = 1

/** A character as it is, ONE or ANY; never two ANY beside each other. */
type Token = string | typeof ONE | typeof ANY

const SURROGATE = /[\ud800-\udfff]/

/** A test of whole texts. `escapedBy`: the next character of the pattern is meant as it is. Throws Error for an escape of nothing. */
export function compileLike(pattern: string, escapedBy = '\\'): (text: string) => boolean {
  const tokens = tokensOf(pattern, escapedBy)
  const isPlain = (part: readonly Token[]): part is readonly string[] =>
    part.every((token) => typeof token === 'string')
  if (isPlain(tokens)) return equal(tokens.join(''))
  const head = tokens.slice(0, -1)
  if (tokens.at(-1) === ANY && isPlain(head)) return begins(head.join(''))
  const tail = tokens.slice(1)
  if (tokens[0] === ANY && isPlain(tail)) return ends(tail.join(''))
  const inner = tokens.slice(1, -1)
  if (tokens[0] === ANY && tokens.at(-1) === ANY && isPlain(inner)) return holds(inner.join(''))
  // `_` stands for a character, which may be two units of a string.
  return (text) => matches(tokens, SURROGATE.test(text) ? Array.from(text) : text)
}

const equal = (part: string) => (text: string) => text === part
const begins = (part: string) => (text: string) => text.startsWith(part)
const ends = (part: string) => (text: string) => text.endsWith(part)
const holds = (part: string) => (text: string) => text.includes(part)

function tokensOf(pattern: string, escapedBy: string): Token[] {
  const tokens: Token[] = []
  const characters = Array.from(pattern)
  for (let i = 0; i < characters.length; i += 1) {
    const character = characters[i] as string
    if (character === escapedBy) {
      i += 1
      const meant = characters[i]
      if (meant === undefined) throw new Error(`ends with the escape character ${escapedBy}, which escapes nothing`)
      tokens.push(meant)
    } else if (character === '%') {
      if (tokens.at(-1) !== ANY) tokens.push(ANY)
    } else tokens.push(character === '_' ? ONE : character)
  }
  return tokens
}

/** Greedy, with the last ANY as the one place to go back to. */
function matches(tokens: readonly Token[], text: ArrayLike<string>): boolean {
  let at = 0
  let token = 0
  let any = -1
  let resume = 0
  while (at < text.length) {
    const wanted = tokens[token]
    if (wanted === ANY) {
      any = token
      token += 1
      resume = at
    } else if (token < tokens.length && (wanted === ONE || wanted === text[at])) {
      token += 1
      at += 1
    } else if (any >= 0) {
      token = any + 1
      resume += 1
      at = resume
    } else return false
  }
  return token === tokens.length || (token === tokens.length - 1 && tokens[token] === ANY)
}
