// Key groups: how a key finds the subtask that owns it. A key hashes to a group; a subtask owns a range of groups.

import { MillraceError } from '../errors.ts'
import { isDecimal } from './decimal.ts'

/** What a record may be keyed by. Arrays are compound keys. */
export type Key = string | number | bigint | boolean | readonly Key[]

export const DEFAULT_KEY_GROUPS = 128
export const MAX_KEY_GROUPS = 32_768

/** The group of a key: murmur3 (32 bit, seed 0) of the key's canonical form (of numbers, of their bits), modulo the number of groups. */
export function keyGroupOf(key: Key, keyGroups: number): number {
  return hashKey(key) % keyGroups
}

/** The subtask that owns a group. Ranges are contiguous and differ by at most one group. */
export function subtaskOfKeyGroup(group: number, keyGroups: number, parallelism: number): number {
  return Math.floor((group * parallelism) / keyGroups)
}

/** The groups that a subtask owns: from `start` to before `end`. Inverse of subtaskOfKeyGroup. */
export function keyGroupRange(
  subtask: number,
  parallelism: number,
  keyGroups: number,
): { readonly start: number; readonly end: number } {
  return {
    start: Math.ceil((subtask * keyGroups) / parallelism),
    end: Math.ceil(((subtask + 1) * keyGroups) / parallelism),
  }
}

/** An unsigned 32-bit hash. -0 hashes as 0. Numbers by their bits. Throws KEY_INVALID. */
export function hashKey(key: Key): number {
  if (typeof key === 'number' && !Number.isNaN(key)) return hashNumber(key)
  return hashText(typeof key === 'string' ? key : canonicalKey(key))
}

/**
 * One string per key, different for different keys, whatever their types ('1', 1, 1n and [1] all differ).
 * Strings stand for themselves behind a tag. Throws KEY_INVALID for NaN, undefined, null, objects.
 */
export function canonicalKey(key: Key): string {
  switch (typeof key) {
    case 'string':
      return `s${key}`
    case 'number':
      if (Number.isNaN(key)) break
      return `n${key + 0}`
    case 'bigint':
      return `i${key}`
    case 'boolean':
      return key ? 't' : 'f'
    default:
      if (Array.isArray(key)) return `[${key.map((part) => lengthPrefixed(canonicalKey(part as Key))).join('')}`
  }
  // A Decimal has an equal text for every equal number: that is the key to use.
  throw new MillraceError('KEY_INVALID', {
    key: isDecimal(key) ? `${key} (a Decimal: use its text, .toString())` : String(key),
    node: '?',
  })
}

/**
 * A value that a Map can look a key up by: the key itself where Map compares it as we do, its canonical string otherwise.
 * Strings that begin with NUL are tagged, so that they never meet a compound key's string.
 */
export function mapKeyOf(key: Key): string | number | bigint | boolean {
  if (typeof key === 'string') return key.charCodeAt(0) === 0 ? `\0${key}` : key
  if (typeof key === 'number' && !Number.isNaN(key)) return key
  if (typeof key === 'bigint' || typeof key === 'boolean') return key
  return `\0${canonicalKey(key)}`
}

function lengthPrefixed(text: string): string {
  return `${text.length}:${text}`
}

const BITS = new DataView(new ArrayBuffer(8))

/** 32-bit integers by themselves, other numbers by the bits of the double: a text of their digits takes ten times as long. */
function hashNumber(key: number): number {
  if ((key | 0) === key) return finish(mix(0, key), 4)
  BITS.setFloat64(0, key)
  return finish(mix(mix(0, BITS.getInt32(0)), BITS.getInt32(4)), 8)
}

function hashText(text: string): number {
  let h = 0
  let i = 0
  for (; i + 1 < text.length; i += 2) h = mix(h, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16))
  if (i < text.length) h ^= scramble(text.charCodeAt(i))
  return finish(h, text.length * 2)
}

function scramble(k: number): number {
  const a = Math.imul(k, 0xcc9e2d51)
  return Math.imul((a << 15) | (a >>> 17), 0x1b873593)
}

function mix(h: number, k: number): number {
  const x = h ^ scramble(k)
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0
}

function finish(h: number, length: number): number {
  let x = h ^ length
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
