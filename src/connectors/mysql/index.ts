// MySQL and MariaDB as a source of changes and as a target.

export type { MysqlConnectionOptions, TlsOptions } from './connection.ts'
export { mysqlChanges } from './mysql-changes.ts'
export type { MysqlChangesOptions } from './options.ts'
