// MySQL and MariaDB as a source of changes and as a target.

export type { SchemaChangeBehavior } from '../sql/schema-evolution.ts'
export type { MysqlValue } from './column.ts'
export type { MysqlConnectionOptions, TlsOptions } from './connection.ts'
export { generateTypes } from './generate-types.ts'
export { mysqlChanges } from './mysql-changes.ts'
export type { MysqlChangesOptions } from './options.ts'
export { mysqlTable, mysqlTableChanges } from './sink/mysql-table.ts'
export { mysqlTables } from './sink/mysql-tables.ts'
export type {
  MysqlSinkOptions,
  MysqlTableOptions,
  MysqlTablesOptions,
  OnRowError,
} from './sink/options.ts'
