// From a table's values, as a snapshot or the log gives them, to the rows and keys of changes.

import { MillraceError } from '../../errors.ts'
import type { ColumnSchema, TableSchema } from '../../record/change.ts'
import { type MysqlTable, type MysqlValue, tableName } from './column.ts'
import { type ChosenColumn, chooseColumns } from './column-choice.ts'
import { type ColumnForm, type Convert, columnForm, hexOf, isBinary, SIGNED } from './column-form.ts'
import type { ShapeSettings } from './shape-options.ts'

/** Names that a column had before, and how it was added, as far as the log told. */
export type ColumnHistory = Pick<ColumnSchema, 'renamedFrom' | 'formerNames' | 'declared'>

/** What tells a row apart, of types that any key may have. */
export type KeyValue = string | number | bigint | boolean

/** Turns a table's values, in column order, into rows and keys. */
export interface RowShape<Row> {
  /** The columns that rows have. */
  readonly schema: TableSchema
  row(values: readonly MysqlValue[]): Row
  /**
   * Values of the key columns, empty if there is no key. They can be keyed by: integers are as in the row, bytes are hex, all else is
   * the server's text whatever the options say. keyValues() turns them back.
   */
  key(values: readonly MysqlValue[]): readonly KeyValue[]
}

/** A column of the rows and what it becomes. */
export interface RowColumn extends ChosenColumn {
  readonly form: ColumnForm
}

/** The columns of a table's rows by these options, in their order. Throws SCHEMA_MISMATCH for what cannot be. */
export function rowColumns(table: MysqlTable, settings: ShapeSettings): readonly RowColumn[] {
  const columns = chooseColumns(table, settings).map((chosen): RowColumn => {
    const { mask } = chosen
    const form =
      mask === undefined ? columnForm(chosen.column, table, settings) : { type: 'string', convert: mask as Convert }
    return { ...chosen, form }
  })
  if (settings.rows === 'object' && columns.some(({ column }) => column.name === '__proto__')) {
    const reason = `a column named __proto__ cannot be a field of an object: read it with rows: 'array', or leave it out with columns: { exclude }`
    throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(table.database, table.name), reason })
  }
  return columns
}

/** What a table's rows look like by these options. Throws SCHEMA_MISMATCH for what cannot be. */
export function makeRowShape<Row>(
  table: MysqlTable,
  settings: ShapeSettings,
  extra: {
    readonly definition?: string | undefined
    readonly renames?: ReadonlyMap<string, ColumnHistory> | undefined
  } = {},
): RowShape<Row> {
  const columns = rowColumns(table, settings)
  const row = settings.rows === 'array' ? arrays(columns, table.columns.length) : objects(columns)
  return {
    schema: schemaOf(table, columns, extra),
    row: row as (values: readonly MysqlValue[]) => Row,
    key: keys(table, columns),
  }
}

function schemaOf(
  table: MysqlTable,
  columns: readonly RowColumn[],
  { definition, renames }: Parameters<typeof makeRowShape>[2] & object,
): TableSchema {
  // A statement that makes all columns as they are is not the one that makes these.
  const isWhole = columns.length === table.columns.length && columns.every(({ mask }) => mask === undefined)
  return {
    columns: columns.map(({ column: { name, nullable, generated }, type }) => ({
      name,
      type,
      nullable,
      generated,
      ...renames?.get(name),
    })),
    key: table.key,
    ...(definition !== undefined && isWhole && { definition }),
  }
}

type Values = readonly MysqlValue[]

function arrays(columns: readonly RowColumn[], width: number): (values: Values) => readonly unknown[] {
  const converts = columns.map(({ form }) => form.convert)
  const at = columns.map((column) => column.at)
  const isPlain = columns.every(({ form }) => form.convert === undefined || form === SIGNED)
  if (columns.length === width && isPlain) return wholeRows(columns)
  return (values) => {
    const row = new Array<unknown>(at.length)
    for (let i = 0; i < at.length; i++) row[i] = converted(values[at[i] as number] as MysqlValue, converts[i])
    return row
  }
}

/** The values themselves. */
function wholeRows(columns: readonly RowColumn[]): (values: Values) => Values {
  const signed = columns.filter(({ form }) => form === SIGNED).map(({ at }) => at)
  if (signed.length === 0) return (values) => values
  return (values) => {
    for (const at of signed) if (Object.is(values[at], -0)) (values as MysqlValue[])[at] = '-0'
    return values
  }
}

type RowClass = new (values: Values) => Record<string, unknown>

/** Objects that a function of their table makes: V8 keeps their fields within the object, which takes half the time of `{}`. */
function objects(columns: readonly RowColumn[]): (values: Values) => Record<string, unknown> {
  const names = columns.map(({ column }) => column.name)
  const converts = columns.map(({ form }) => form.convert)
  const at = columns.map((column) => column.at)
  const isPlain = converts.every((convert) => convert === undefined)
  const Row = (isPlain
    ? function (this: Record<string, unknown>, values: Values) {
        for (let i = 0; i < names.length; i++) this[names[i] as string] = values[at[i] as number]
      }
    : function (this: Record<string, unknown>, values: Values) {
        for (let i = 0; i < names.length; i++)
          this[names[i] as string] = converted(values[at[i] as number] as MysqlValue, converts[i])
      }) as unknown as RowClass
  Row.prototype = Object.prototype
  return (values) => new Row(values)
}

function converted(value: MysqlValue, convert: Convert | undefined): unknown {
  return value === null || convert === undefined ? value : convert(value)
}

function keys(table: MysqlTable, columns: readonly RowColumn[]): (values: Values) => readonly KeyValue[] {
  const parts = table.key.map((name) => {
    const { column, at, form } = columns.find(({ column }) => column.name === name) as RowColumn
    return { at, convert: isInteger(column.kind) ? form.convert : isBinary(column) ? hexOf : undefined }
  }) as readonly { at: number; convert: Convert | undefined }[]
  return (values) => parts.map(({ at, convert }) => converted(values[at] as MysqlValue, convert) as KeyValue)
}

function isInteger(kind: string): boolean {
  return kind === 'bigint' || kind === 'tinyint'
}

/** The values that a key, as key() gives it, stands for. */
export function keyValues(table: MysqlTable, key: readonly unknown[]): MysqlValue[] {
  return table.key.map((name, index) => {
    const column = table.columns.find((one) => one.name === name)
    const value = key[index] as KeyValue
    if (column?.kind === 'bigint') return BigInt(value)
    if (typeof value === 'boolean') return Number(value)
    return column !== undefined && isBinary(column) ? new Uint8Array(Buffer.from(value as string, 'hex')) : value
  })
}
