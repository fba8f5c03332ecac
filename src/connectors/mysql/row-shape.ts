// From a table's values, as a snapshot or the log gives them, to the rows and keys of changes.

import { MillraceError } from '../../errors.ts'
import type { ColumnSchema, TableSchema } from '../../record/change.ts'
import { type MysqlTable, type MysqlValue, tableName } from './column.ts'
import type { ShapeSettings } from './shape-options.ts'

/** Names that a column had before, as far as the log told. */
export type ColumnHistory = Pick<ColumnSchema, 'renamedFrom' | 'formerNames'>

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

/** How a column's value becomes what is in the row; undefined: it is. NULL is never asked about. */
export type Convert = ((value: NonNullable<MysqlValue>) => unknown) | undefined

/** What a table's rows look like by these options. Throws SCHEMA_MISMATCH or CONNECTOR_OPTION for what cannot be. */
export function makeRowShape<Row>(
  table: MysqlTable,
  options: ShapeSettings,
  extra: {
    readonly definition?: string | undefined
    readonly renames?: ReadonlyMap<string, ColumnHistory> | undefined
  } = {},
): RowShape<Row> {
  const { definition, renames } = extra
  const names = table.columns.map((column) => column.name)
  if (options.rows === 'object' && names.includes('__proto__')) {
    const reason = `a column named __proto__ cannot be a field of an object: read it with rows: 'array', or leave it out with columns: { exclude }`
    throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(table.database, table.name), reason })
  }
  const columns = table.columns.map(({ name, type, nullable, generated }) => ({
    name,
    type,
    nullable,
    generated,
    ...renames?.get(name),
  }))
  const keyAt = table.key.map((name) => names.indexOf(name))
  const row = options.rows === 'array' ? (values: readonly MysqlValue[]) => values : objects(names)
  return {
    schema: { columns, key: table.key, ...(definition !== undefined && { definition }) },
    row: row as (values: readonly MysqlValue[]) => Row,
    key: (values) => keyAt.map((at) => keyable(values[at] as NonNullable<MysqlValue>)),
  }
}

/** The values that a key, as key() gives it, stands for. */
export function keyValues(table: MysqlTable, key: readonly unknown[]): MysqlValue[] {
  return table.key.map((name, index) => {
    const kind = table.columns.find((column) => column.name === name)?.kind
    const value = key[index] as KeyValue
    if (kind === 'bigint') return BigInt(value)
    if (typeof value === 'boolean') return Number(value)
    if (typeof value === 'string' && kind !== undefined && BYTES.has(kind)) return Buffer.from(value, 'hex')
    return value
  })
}

const BYTES: ReadonlySet<string> = new Set(['bit', 'binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'])

function keyable(value: NonNullable<MysqlValue>): KeyValue {
  return typeof value === 'object'
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
    : value
}

function objects(names: readonly string[]) {
  return (values: readonly MysqlValue[]): Record<string, unknown> => {
    const row: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) row[names[i] as string] = values[i]
    return row
  }
}
