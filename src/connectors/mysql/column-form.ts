// What a column's values become in a row, by option, and which TypeScript type that is: said once, so that generated types are true.

import { parseExactJson } from '../../codec/exact-json.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { Decimal } from '../../util/decimal.ts'
import { type MysqlColumn, type MysqlTable, type MysqlValue, tableName } from './column.ts'
import type { ShapeSettings } from './shape-options.ts'
import { temporalForm } from './temporal-form.ts'

/** How a value of a column becomes what is in the row. NULL is never asked about. */
export type Convert = (value: NonNullable<MysqlValue>) => unknown

export interface ColumnForm {
  /** Of what is in the row, where it is not NULL. */
  readonly type: string
  /** Absent: values are as they are. */
  readonly convert?: Convert
}

/**
 * Floats in rows that are arrays, which are for copying: on the way from thread to thread and in logs a number loses the sign of -0. So it
 * is the text '-0' there, which the server takes for the same.
 */
export const SIGNED: ColumnForm = {
  type: "number | '-0'",
  convert: (value) => (Object.is(value, -0) ? '-0' : value),
}

const LABELS_MAX = 32

/** What a column becomes. Throws SCHEMA_MISMATCH, here or in `convert`, for what cannot be. */
export function columnForm(column: MysqlColumn, table: MysqlTable, settings: ShapeSettings): ColumnForm {
  const fail = (reason: string): never => {
    const name = tableName(table.database, table.name)
    throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason: `column "${column.name}" ${reason}` })
  }
  switch (column.kind) {
    case 'tinyint':
      return settings.tinyint1 === 'boolean' && /^tinyint\(1\)/i.test(column.type)
        ? { type: 'boolean', convert: (value) => value !== 0 }
        : { type: 'number' }
    case 'year':
      if (/^year\(2\)/i.test(column.type))
        fail('is of type year(2), in which 0 and 2000 cannot be told apart: make it year(4)')
      return { type: 'number' }
    case 'smallint':
    case 'mediumint':
    case 'int':
      return { type: 'number' }
    case 'float':
    case 'double':
      return settings.rows === 'array' ? SIGNED : { type: 'number' }
    case 'bigint':
      return bigintForm(settings, fail)
    case 'decimal':
      return decimalForm(settings)
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
      return temporalForm(column, settings, fail) as ColumnForm
    case 'json':
      return jsonForm(settings, fail)
    case 'enum':
      return { type: enumType(column.labels) }
    default:
      return isBinary(column) ? bytesForm(settings) : { type: 'string' }
  }
}

const BINARY: ReadonlySet<string> = new Set([
  'bit',
  'binary',
  'varbinary',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
  'geometry',
  'vector',
])

/** Whether its values are bytes. */
export function isBinary({ kind }: MysqlColumn): boolean {
  return BINARY.has(kind)
}

/** Bytes as hex digits. */
export function hexOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('hex')
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function bigintForm({ bigints }: ShapeSettings, fail: (reason: string) => never): ColumnForm {
  if (bigints === 'bigint') return { type: 'bigint' }
  if (bigints === 'string') return { type: 'string', convert: String }
  return {
    type: 'number',
    convert: (value) => {
      const number = Number(value)
      if (!Number.isSafeInteger(number))
        fail(`holds ${value}, which no JavaScript number holds exactly: set bigints to 'bigint' or 'string'`)
      return number
    },
  }
}

function decimalForm({ decimals }: ShapeSettings): ColumnForm {
  if (decimals === 'string') return { type: 'string' }
  if (decimals === 'number') return { type: 'number', convert: Number }
  return { type: 'Decimal', convert: (value) => new Decimal(value as string) }
}

function jsonForm({ json }: ShapeSettings, fail: (reason: string) => never): ColumnForm {
  if (json === 'text') return { type: 'string' }
  return {
    type: 'unknown',
    convert: (value) => {
      try {
        return parseExactJson(value as string)
      } catch (error) {
        return fail(`holds JSON that cannot be read (${reasonOf(error)}): set json to 'text'`)
      }
    },
  }
}

function bytesForm({ binary }: ShapeSettings): ColumnForm {
  if (binary === 'bytes') return { type: 'Uint8Array' }
  return { type: 'string', convert: (value) => bufferOf(value as Uint8Array).toString(binary) }
}

/** Its labels, and what stands for a value that was none of them. */
function enumType(labels: readonly string[]): string {
  if (labels.length === 0 || labels.length > LABELS_MAX) return labels.includes('') ? 'string | 0' : 'string'
  const texts = labels.map(quotedText)
  return [...texts, labels.includes('') ? '0' : "''"].join(' | ')
}

/** As a literal of TypeScript. */
export function quotedText(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
