// What a user's function threw, as an error that names the node and shows the record.

import { inspect } from 'node:util'
import { isMillraceError, MillraceError, reasonOf } from '../errors.ts'
import { isDecimal } from './decimal.ts'

const RECORD_CHARACTERS_MAX = 500
const DEPTH_MAX = 4
const ENTRIES_MAX = 30
const SECRET_NAME = /pass(word|wd|phrase)?$|secret|token|api[-_]?key|credential|authorization|private[-_]?key|^pwd$/i

/** Wraps what user code threw over a record; errors of Millrace itself (of state, keys, …) pass as they are. */
export function userError(node: string, record: unknown, thrown: unknown): unknown {
  if (isMillraceError(thrown)) return thrown
  return new MillraceError('USER_FUNCTION', { node, record: renderRecord(record), reason: reasonOf(thrown) }, thrown)
}

/** The same for what is not about one record: `what` says which call it was. */
export function userErrorIn(node: string, what: string, thrown: unknown): unknown {
  if (isMillraceError(thrown)) return thrown
  return new MillraceError('USER_FUNCTION', { node, record: what, reason: reasonOf(thrown) }, thrown)
}

/** A record for people: one line, cut to 500 characters, values under names that look secret masked. Never throws. */
export function renderRecord(record: unknown): string {
  try {
    return cut(inspect(masked(record, 0), { depth: DEPTH_MAX + 1, breakLength: Infinity, compact: true }))
  } catch {
    return '(a record that cannot be shown)'
  }
}

function cut(text: string): string {
  return text.length <= RECORD_CHARACTERS_MAX ? text : `${text.slice(0, RECORD_CHARACTERS_MAX - 1)}…`
}

/** A copy small enough to inspect, without secrets. Only what may hold named values is copied. */
function masked(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return value
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((item) => masked(item, depth + 1))
  if (value instanceof Map) {
    const entries = [...value].slice(0, ENTRIES_MAX)
    return new Map(entries.map(([key, item]) => [key, maskedEntry(String(key), item, depth)]))
  }
  if (isDecimal(value)) return value
  if (value instanceof Date || value instanceof Set || ArrayBuffer.isView(value) || value instanceof Error) return value
  return maskedObject(value, depth)
}

function maskedObject(value: object, depth: number): object {
  // The prototype is kept so that inspect says the class's name.
  const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(value) as object | null)
  for (const [key, item] of Object.entries(value).slice(0, ENTRIES_MAX)) copy[key] = maskedEntry(key, item, depth)
  return copy
}

function maskedEntry(key: string, value: unknown, depth: number): unknown {
  return SECRET_NAME.test(key) ? '***' : masked(value, depth + 1)
}
