// Keys of rows: what rows are grouped, joined and told apart by. Wider than the keys of streams: null, dates and Decimals are keys too.

import { canonicalText } from '../../util/canonical-text.ts'
import { type Decimal, isDecimal } from '../../util/decimal.ts'
import type { Key } from '../../util/key-group.ts'

/** What rows may be keyed by; arrays are compound keys. null and undefined are one key, as SQL groups; a join matches none of them. */
export type RowKey = string | number | bigint | boolean | Date | Decimal | null | undefined | readonly RowKey[]

// Begins what no other key is: texts of users that begin so are encoded as well.
const ENCODED = '\u0001'
const FIRST_MAX = 2 ** 25
const SECOND_MAX = 2 ** 26
const NULL_KEY = `${ENCODED}0`
/** Null, as joins have it: a compound key with a null in it is one, too. */
export const NO_PARTNER: Key = NULL_KEY

/** What a row's key may be, for messages. */
export const ROW_KEYS = 'a string, number other than NaN, bigint, boolean, Date, Decimal, null or an array of these'

/** One value that a Map and the machine can look a row's key up by; undefined for what is no key. */
export function encodeRowKey(key: RowKey): Key | undefined {
  switch (typeof key) {
    case 'number':
      if (Number.isInteger(key)) return key
      if (Number.isNaN(key)) break
      return `${ENCODED}${canonicalText(key)}`
    case 'string':
      return key.charCodeAt(0) === 1 ? `${ENCODED}${canonicalText(key)}` : key
    case 'bigint':
    case 'boolean':
      return key
    case 'undefined':
      return NULL_KEY
    default:
      if (key === null) return NULL_KEY
      if (Array.isArray(key)) return pairOf(key) ?? `${ENCODED}${canonicalText(key)}`
      if (key instanceof Date || isDecimal(key)) return `${ENCODED}${canonicalText(key)}`
  }
  return undefined
}

/** Two ids as one number, which costs a fraction of a text: halves, for other keys that are numbers are whole. */
function pairOf(key: readonly RowKey[]): number | undefined {
  const a = key[0]
  const b = key[1]
  if (key.length !== 2 || typeof a !== 'number' || typeof b !== 'number') return undefined
  if (!Number.isInteger(a) || !Number.isInteger(b) || a < 0 || a >= FIRST_MAX || b < 0 || b >= SECOND_MAX)
    return undefined
  return a * SECOND_MAX + b + 0.5
}

/** Whether a join has no partner for it, as SQL has none for NULL. */
export function hasNull(key: RowKey): boolean {
  return key === null || key === undefined || (Array.isArray(key) && key.some(hasNull))
}

/** Whether an encoded key is of rows that a join finds no partner for. */
export function isNullKey(key: Key): boolean {
  return key === NULL_KEY
}
