// TableWriter: the statements that write one table.

import { MillraceError } from '../../errors.ts'
import type { SqliteDatabase } from './database.ts'
import { quoteName } from './quote.ts'
import { collated, type IndexColumn, type TableDefinition } from './table-definition.ts'
import { bound, boundExactly, isInvalidText, placeholder } from './value.ts'

export interface TableWriterOptions {
  readonly database: SqliteDatabase
  readonly table: TableDefinition
  /** The columns that are written, in the order of the values. */
  readonly columns: readonly string[]
  /** What tells rows apart; undefined: rows are only added. */
  readonly key: readonly IndexColumn[] | undefined
  /** Numbers are REAL even when whole. */
  readonly exact: boolean
}

export class TableWriter {
  readonly #database: SqliteDatabase
  readonly #options: TableWriterOptions
  readonly #bind: (value: unknown) => unknown
  readonly #insert: string
  readonly #delete: string

  constructor(options: TableWriterOptions) {
    this.#database = options.database
    this.#options = options
    this.#bind = options.exact ? boundExactly : bound
    this.#insert = insertSql(
      options,
      options.columns.map(() => '?'),
    )
    this.#delete = deleteSql(
      options,
      (options.key ?? []).map(() => '?'),
    )
  }

  get columns(): readonly string[] {
    return this.#options.columns
  }

  /** Adds the row, or replaces the one with its key. */
  write(values: readonly unknown[]): void {
    const sql = values.some(isInvalidText) ? insertSql(this.#options, values.map(placeholder)) : this.#insert
    this.#database.run(sql, values.map(this.#bind))
  }

  remove(key: readonly unknown[]): void {
    const sql = key.some(isInvalidText) ? deleteSql(this.#options, key.map(placeholder)) : this.#delete
    this.#database.run(sql, key.map(this.#bind))
  }

  clear(): void {
    this.#database.run(`DELETE FROM ${quoteName(this.#options.table.name)}`)
  }
}

/** The unique index (or the row id) by which these columns tell rows apart. Throws SCHEMA_MISMATCH if there is none. */
export function keyOfTable(table: TableDefinition, key: readonly string[]): readonly IndexColumn[] {
  if (key.length === 1 && key[0] === table.rowidColumn) return [{ name: key[0] as string, collation: 'BINARY' }]
  const wanted = [...key].sort().join('\0')
  const index = table.uniqueIndexes.find(
    ({ partial, columns }) =>
      !partial &&
      columns
        .map((column) => column.name)
        .sort()
        .join('\0') === wanted,
  )
  if (index !== undefined) return key.map((name) => index.columns.find((column) => column.name === name) as IndexColumn)
  const reason = `key (${key.join(', ')}) is neither its primary key nor a unique index: CREATE UNIQUE INDEX over exactly these columns`
  throw new MillraceError('SCHEMA_MISMATCH', { table: table.name, reason })
}

function insertSql({ table, columns, key }: TableWriterOptions, values: readonly string[]): string {
  const names = columns.map(quoteName).join(', ')
  const insert = `INSERT INTO ${quoteName(table.name)} (${names}) VALUES (${values.join(', ')})`
  if (key === undefined) return insert
  const target = key
    .map((column) =>
      column.name === table.rowid || column.name === table.rowidColumn ? quoteName(column.name) : collated(column),
    )
    .join(', ')
  // The key is set too: one that is equal under its collation may still be written differently.
  const sets = columns.map((name) => `${quoteName(name)} = excluded.${quoteName(name)}`).join(', ')
  return `${insert} ON CONFLICT (${target}) DO UPDATE SET ${sets}`
}

function deleteSql({ table, key }: TableWriterOptions, values: readonly string[]): string {
  const tests = (key ?? []).map((column, index) => `${collated(column)} = ${values[index]}`)
  return `DELETE FROM ${quoteName(table.name)} WHERE ${tests.join(' AND ')}`
}
