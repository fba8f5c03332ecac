// SQLite as a source of changes and as a target.

export type { SqliteChangesOptions } from './options.ts'
export type { InvalidTextMode } from './page-reader.ts'
export type { IntegerMode, Integers, RowForm } from './row-shape.ts'
export { removeSqliteChanges, sqliteChanges } from './sqlite-changes.ts'
export { sqliteTable, sqliteTableChanges } from './sqlite-table.ts'
export { type SqliteTablesOptions, sqliteTables } from './sqlite-tables.ts'
export type { SqliteTableOptions } from './table-options.ts'
export type { InvalidText, SqliteValue } from './value.ts'
