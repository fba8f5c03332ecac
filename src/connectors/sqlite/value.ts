// Values as SQLite stores them, and how they are bound.

import { decimalText, isDecimal } from '../../util/decimal.ts'

/** Text whose bytes are not valid UTF-8, which no JavaScript string can hold. */
export interface InvalidText {
  readonly invalidUtf8: Uint8Array
}

/** A stored value: integers are numbers or bigints by option, blobs are Uint8Array. */
export type SqliteValue = null | number | bigint | string | Uint8Array | InvalidText

export function isInvalidText(value: unknown): value is InvalidText {
  return typeof value === 'object' && value !== null && 'invalidUtf8' in value
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** Why a value cannot be bound, or undefined if it can. (The driver aborts the process on some of these.) */
export function unbindable(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return undefined
    case 'number':
      return Number.isNaN(value) ? 'NaN, which SQLite would store as NULL' : undefined
    case 'bigint':
      return value < INT64_MIN || value > INT64_MAX ? 'a bigint beyond 64 bits: store its text' : undefined
    case 'object':
      if (value === null || value instanceof Uint8Array || isInvalidText(value)) return undefined
      if (isDecimal(value)) return value.isFinite() ? undefined : `a Decimal that is ${value}`
      return value instanceof Date ? 'a Date: store date.toISOString() or date.getTime()' : 'an object'
    default:
      return `a ${typeof value}`
  }
}

/** What the driver is given. Whole numbers become integers: the driver itself binds every number as REAL. */
export function bound(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value
  return boundExactly(value)
}

/** As bound(), but a number is always REAL: bigints alone are integers. */
export function boundExactly(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value === undefined) return null
  if (isInvalidText(value)) return bytes(value.invalidUtf8)
  if (isDecimal(value)) return decimalText(value)
  return value instanceof Uint8Array ? bytes(value) : value
}

/** The SQL that stands for a value in a statement. */
export function placeholder(value: unknown): string {
  return isInvalidText(value) ? 'CAST(? AS TEXT)' : '?'
}

function bytes(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
