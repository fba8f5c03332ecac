// Which tables an option `tables` means.

import { MillraceError } from '../../errors.ts'

/**
 * A test of table names. A pattern is a name in which `*` stands for any characters and `?` for one; `!` in front takes away.
 * Without patterns, or with only `!` ones, every table is meant. Case counts. Throws CONNECTOR_OPTION.
 */
export function tablePattern(patterns: readonly string[] | undefined, connector: string): (table: string) => boolean {
  for (const [index, pattern] of (patterns ?? []).entries()) {
    if (typeof pattern !== 'string' || pattern === '' || pattern === '!') {
      const reason = 'expected the name of a table, perhaps with * or ?, or !name to leave one out'
      throw new MillraceError('CONNECTOR_OPTION', { path: `tables[${index}]`, connector, reason })
    }
  }
  const wanted = (patterns ?? []).filter((pattern) => !pattern.startsWith('!'))
  const unwanted = (patterns ?? []).filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1))
  return (table) =>
    (wanted.length === 0 || wanted.some((pattern) => globMatches(pattern, table))) &&
    !unwanted.some((pattern) => globMatches(pattern, table))
}

/** Greedy with one place to go back to: time is the product of the lengths whatever the pattern (a regular expression's is not). */
function globMatches(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
