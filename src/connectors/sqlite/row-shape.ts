// From stored values to the rows of changes.

import { MillraceError } from '../../errors.ts'
import type { CaptureRecord } from './capture.ts'
import type { SqliteValue } from './value.ts'

/** Integers of a column (`table.column`), of a table's columns, or of all columns. */
export type IntegerMode = 'number' | 'bigint'
export type Integers = IntegerMode | Readonly<Record<string, IntegerMode>>

/** An object by column name, or an array in column order (which any column name survives). */
export type RowForm = 'object' | 'array'

/** Turns a capture's stored values into its rows and keys. */
export interface RowShape<Row> {
  /** Values as logged: the row id first, where it is logged. */
  row(values: readonly SqliteValue[]): Row
  key(values: readonly SqliteValue[]): readonly SqliteValue[]
  /** What is logged of a row: its number of values. */
  readonly width: number
}

/** The mode of one column: its own, its table's, or that of `*`; numbers where nothing is said. */
function integerMode(integers: Integers, table: string, column: string): IntegerMode {
  if (typeof integers === 'string') return integers
  const own = (name: string): IntegerMode | undefined => (Object.hasOwn(integers, name) ? integers[name] : undefined)
  return own(`${table}.${column}`) ?? own(table) ?? own('*') ?? 'number'
}

export function makeRowShape<Row>(capture: CaptureRecord, form: RowForm, integers: Integers): RowShape<Row> {
  const { table, byRowid, logsRowid, schema } = capture
  const names = schema.columns.map((column) => column.name)
  if (form === 'object' && names.includes('__proto__')) {
    const reason = `a column named __proto__ cannot be a field of an object: read it with rows: 'array'`
    throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
  }
  const offset = logsRowid ? 1 : 0
  const convert = names.map((name) => (integerMode(integers, table, name) === 'bigint' ? asIs : toNumber(table, name)))
  const keyAt = byRowid ? [0] : schema.key.map((name) => names.indexOf(name) + offset)
  const keyNull = (): never => {
    const reason = `a row has NULL in its primary key (${schema.key.join(', ')}), so nothing tells it apart: remove it, or set nullableKeys: 'rowid' and start with --fresh`
    throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
  }
  return {
    width: names.length + offset,
    row: (form === 'object' ? objects(names, convert, offset) : arrays(convert, offset)) as (
      values: readonly SqliteValue[],
    ) => Row,
    key: (values) =>
      keyAt.map((at) => {
        const value = values[at] as SqliteValue
        if (value === null) keyNull()
        return at < offset ? value : (convert[at - offset] ?? asIs)(value)
      }),
  }
}

type Convert = (value: SqliteValue) => SqliteValue

const asIs: Convert = (value) => value

function toNumber(table: string, column: string): Convert {
  return (value) => {
    if (typeof value !== 'bigint') return value
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    const reason = `column "${column}" holds ${value}, which no JavaScript number holds exactly: set integers to 'bigint' or { '${table}.${column}': 'bigint' }`
    throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
  }
}

function objects(names: readonly string[], convert: readonly Convert[], offset: number) {
  return (values: readonly SqliteValue[]): Record<string, SqliteValue> => {
    const row: Record<string, SqliteValue> = {}
    for (let i = 0; i < names.length; i++) {
      row[names[i] as string] = (convert[i] as Convert)(values[i + offset] as SqliteValue)
    }
    return row
  }
}

function arrays(convert: readonly Convert[], offset: number) {
  return (values: readonly SqliteValue[]): SqliteValue[] =>
    convert.map((one, index) => one(values[index + offset] as SqliteValue))
}
