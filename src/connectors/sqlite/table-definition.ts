// What a database says about its tables.

import type { SqliteDatabase } from './database.ts'
import { quoteName, quoteText } from './quote.ts'

export interface ColumnDefinition {
  readonly name: string
  /** As declared; '' if it was not. */
  readonly type: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  readonly generated: boolean
}

/** A column of a unique index. */
export interface IndexColumn {
  readonly name: string
  readonly collation: string
}

export interface UniqueIndex {
  readonly columns: readonly IndexColumn[]
  /** Has a WHERE, or expressions beside its columns: rows with equal columns need not conflict. */
  readonly partial: boolean
  readonly primary: boolean
  /** Made by UNIQUE in the table's own statement. */
  readonly constraint: boolean
}

export interface TableDefinition {
  readonly name: string
  /** Hidden columns excepted. */
  readonly columns: readonly ColumnDefinition[]
  readonly withoutRowid: boolean
  readonly strict: boolean
  /** A name by which the row id can be told; undefined if there is none. */
  readonly rowid: string | undefined
  /** The column that is the row id itself (INTEGER PRIMARY KEY). */
  readonly rowidColumn: string | undefined
  /** The primary key, in key order; empty if there is none. */
  readonly primaryKey: readonly IndexColumn[]
  readonly uniqueIndexes: readonly UniqueIndex[]
  /** Its CREATE statement. */
  readonly sql: string
}

/** A table of the main schema that holds rows of its own. */
export interface TableName {
  readonly name: string
  readonly kind: 'table' | 'view' | 'virtual' | 'shadow'
}

/** Prefix of everything Millrace keeps in a database. */
export const OWN_PREFIX = '_millrace_'

/** Tables and views, without SQLite's and Millrace's own. */
export function listTables(database: SqliteDatabase): TableName[] {
  return database
    .all(`SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name`)
    .map(([name, kind]) => ({ name, kind }) as TableName)
    .filter(({ name }) => !/^sqlite_/i.test(name) && !name.startsWith(OWN_PREFIX))
}

/** Undefined if there is no such table. */
export function readTable(database: SqliteDatabase, name: string): TableDefinition | undefined {
  const [table] = database.all(
    `SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?`,
    [name],
  )
  if (table === undefined) return undefined
  const withoutRowid = table[0] === 1n
  const info = database.all(`PRAGMA main.table_xinfo(${quoteName(name)})`).filter((column) => column[6] !== 1n)
  const columns = info.map((column) => ({
    name: String(column[1]),
    type: String(column[2]),
    notNull: column[3] === 1n,
    hasDefault: column[4] !== null,
    generated: column[6] !== 0n,
  }))
  const uniqueIndexes = readUniqueIndexes(database, name)
  const keyed = info.filter((column) => column[5] !== 0n).sort((a, b) => Number(a[5]) - Number(b[5]))
  const primaryKey = primaryKeyOf(
    keyed.map((column) => String(column[1])),
    uniqueIndexes,
  )
  const rowidColumn = rowidColumnOf(withoutRowid, keyed, uniqueIndexes)
  const taken = new Set(columns.map((column) => column.name.toLowerCase()))
  const rowid = withoutRowid
    ? undefined
    : (['rowid', '_rowid_', 'oid'].find((alias) => !taken.has(alias)) ?? rowidColumn)
  const sql = String(database.first(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`, [name])?.[0])
  return { name, columns, withoutRowid, strict: table[1] === 1n, rowid, rowidColumn, primaryKey, uniqueIndexes, sql }
}

function readUniqueIndexes(database: SqliteDatabase, table: string): UniqueIndex[] {
  return database
    .all(`PRAGMA main.index_list(${quoteName(table)})`)
    .filter((index) => index[2] === 1n)
    .map((index): UniqueIndex => {
      const parts = database
        .all(`PRAGMA main.index_xinfo(${quoteName(String(index[1]))})`)
        .filter((part) => part[5] === 1n)
      const plain = parts.filter((part) => part[2] !== null)
      return {
        columns: plain.map((part) => ({ name: String(part[2]), collation: String(part[4]) })),
        partial: index[4] === 1n || plain.length < parts.length,
        primary: index[3] === 'pk',
        constraint: index[3] === 'u',
      }
    })
}

/** With the collations of the key's own index, which decide what is equal and in what order. */
function primaryKeyOf(names: readonly string[], indexes: readonly UniqueIndex[]): readonly IndexColumn[] {
  const index = indexes.find((candidate) => candidate.primary)
  return names.map((name) => ({
    name,
    collation: index?.columns.find((column) => column.name === name)?.collation ?? 'BINARY',
  }))
}

/** INTEGER PRIMARY KEY is the row id when SQLite made no index for it. */
function rowidColumnOf(
  withoutRowid: boolean,
  keyed: readonly unknown[][],
  indexes: readonly UniqueIndex[],
): string | undefined {
  if (withoutRowid || keyed.length !== 1 || indexes.some((index) => index.primary)) return undefined
  return String(keyed[0]?.[1])
}

/** Whether NULL can stand in the primary key, beside a row id that tells such rows apart. */
export function mayHaveNullKeys(table: TableDefinition): boolean {
  if (table.withoutRowid || table.rowidColumn !== undefined || table.rowid === undefined) return false
  const key = new Set(table.primaryKey.map((column) => column.name))
  return table.columns.some((column) => key.has(column.name) && !column.notNull)
}

/** Whether any row has NULL in a column of its primary key, which SQLite allows where NOT NULL is not said. */
export function hasNullKeys(database: SqliteDatabase, table: TableDefinition): boolean {
  const tests = table.primaryKey.map(
    ({ name }) => `SELECT 1 FROM ${quoteName(table.name)} WHERE ${quoteName(name)} IS NULL`,
  )
  return tests.some((sql) => database.first(`${sql} LIMIT 1`) !== undefined)
}

/** `"a" COLLATE "NOCASE"`: a column compared as its index does. */
export function collated(column: IndexColumn, prefix = ''): string {
  return `${prefix}${quoteName(column.name)} COLLATE ${quoteName(column.collation)}`
}

/** Names of the triggers on a table, the first made first. */
export function triggersOn(database: SqliteDatabase, table: string): string[] {
  return database
    .all(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ${quoteText(table)} ORDER BY rowid`)
    .map(([name]) => String(name))
}
