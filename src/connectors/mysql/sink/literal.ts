// Values as SQL literals, for sessions in UTC with NO_BACKSLASH_ESCAPES: each is stored exactly as it is.

import type { ColumnKind, MysqlValue } from '../column.ts'
import { jsonLiteral } from './json-literal.ts'
import { textLiteral } from './literal-text.ts'
import { Misfit, RowRefusal } from './row-refusal.ts'

/** Writes a value out. Throws RowRefusal. */
export type Encoder = (value: MysqlValue) => string

/** How values of a column of this kind are written. */
export function encoderOf(kind: ColumnKind): Encoder {
  switch (kind) {
    case 'float':
      // A float's text has 9 digits at most: a double's says the same value, and compares equal too.
      return (value) => (typeof value === 'number' ? doubleLiteral(Math.fround(value)) : literalOf(value))
    case 'double':
      return (value) => (typeof value === 'number' ? doubleLiteral(value) : literalOf(value))
    case 'decimal':
      // In a comparison a string would be taken for a double.
      return (value) => (typeof value === 'string' && DECIMAL.test(value) ? value : literalOf(value))
    case 'json':
      return (value) => (typeof value === 'string' ? jsonLiteral(value) : literalOf(value))
    case 'bit':
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'year':
      return (value) => (value instanceof Uint8Array ? bitsLiteral(value) : literalOf(value))
    default:
      return literalOf
  }
}

const DECIMAL = /^-?\d+(\.\d+)?$/

/** By the type of the value alone. */
export function literalOf(value: MysqlValue): string {
  if (typeof value === 'string') return textLiteral(value)
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number') return doubleLiteral(value)
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Misfit) throw new RowRefusal(value.reason)
  return `x'${hexOf(value)}'`
}

/** Two digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

function doubleLiteral(value: number): string {
  if (!Number.isFinite(value)) throw new RowRefusal(`${value} is not a number that a column can hold`)
  // An integer has no negative zero. (MariaDB has none at all.)
  return value === 0 && Object.is(value, -0) ? '-0e0' : `${value}`
}

/** As a number: bytes would be compared as text. */
function bitsLiteral(bytes: Uint8Array): string {
  return bytes.length === 0 ? '0' : BigInt(`0x${hexOf(bytes)}`).toString()
}
