// Whether tables of two servers are equal, by what the servers themselves say of each value. No driver's idea of a value is in it.
// JSON is compared as each server prints it: MySQL's and MariaDB's do not compare.

import { createHash } from 'node:crypto'
import { type MysqlConnection, quoteName } from '../../src/connectors/mysql/connection.ts'

/** Canonical text of a table's rows: columns by name, rows sorted as text. */
export async function canonicalRows(session: MysqlConnection, database: string, table: string): Promise<string[]> {
  const columns = await session.query(
    'SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [database, table],
  )
  const sorted = (columns as [string, string][]).sort(([a], [b]) => (a < b ? -1 : 1))
  const values = sorted.map(([name, type]) => canonicalText(quoteName(name), type.toLowerCase()))
  const names = JSON.stringify(sorted.map(([name]) => name))
  if (values.length === 0) throw new Error(`${database}.${table} is not there`)
  const rows = await session.query(`SELECT ${values.join(', ')} FROM ${quoteName(database)}.${quoteName(table)}`)
  return [names, ...rows.map((row) => JSON.stringify(row)).sort()]
}

/** SHA-256 of the canonical rows of each table. */
export async function digests(session: MysqlConnection, database: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const table of await tablesOf(session, database)) {
    const rows = await canonicalRows(session, database, table)
    found[table] = `${rows.length - 1} rows ${createHash('sha256').update(rows.join('\n')).digest('hex')}`
  }
  return found
}

/** In the order of their names. Tables of ours (ledgers and the like) are not among them. */
export async function tablesOf(session: MysqlConnection, database: string): Promise<string[]> {
  const rows = await session.query(
    "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE' ORDER BY 1",
    [database],
  )
  return rows.map(([name]) => String(name)).filter((name) => !name.startsWith('millrace_'))
}

/** A database as one of its sessions sees it. */
export interface DatabaseView {
  readonly session: MysqlConnection
  readonly database: string
}

/**
 * What differs between a database and its copy, to be read: at most a few rows of the first table that does; '' where all is equal.
 * A table that the original lost must be empty in the copy.
 */
export async function difference(original: DatabaseView, copy: DatabaseView): Promise<string> {
  const [there, here] = await Promise.all([
    digests(original.session, original.database),
    digests(copy.session, copy.database),
  ])
  for (const [table, digest] of Object.entries(here))
    if (there[table] === undefined && !digest.startsWith('0 rows ')) return `${table} is gone, its copy has ${digest}`
  const table = Object.keys(there).find((name) => there[name] !== here[name])
  if (table === undefined) return ''
  if (here[table] === undefined) return `${table} has no copy`
  const [rows, copied] = await Promise.all([
    canonicalRows(original.session, original.database, table),
    canonicalRows(copy.session, copy.database, table),
  ])
  return `${table}: missing ${few(rows, copied)}\n  too many ${few(copied, rows)}`
}

/** How many of the rows are not among the others, and the first of them. */
function few(rows: readonly string[], others: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const row of others) counts.set(row, (counts.get(row) ?? 0) + 1)
  const extra = rows.filter((row) => {
    const left = counts.get(row) ?? 0
    counts.set(row, left - 1)
    return left <= 0
  })
  return `${extra.length}: ${extra.slice(0, 5).join(' ').slice(0, 2000)}`
}

/** An expression whose text is the same on every server that holds the same value. */
function canonicalText(column: string, type: string): string {
  switch (type) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
    case 'bigint':
    case 'decimal':
    case 'year':
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
    case 'double':
    case 'uuid':
    case 'inet4':
    case 'inet6':
      return `CAST(${column} AS CHAR)`
    case 'float': // as it is, it prints six digits; as a double all, but 22 characters at most: the sign goes apart
      return `CONCAT(IF(LEFT(CAST(${column} AS CHAR), 1) = '-', '-', ''), CAST(ABS(${column} + 0e0) AS CHAR))`
    case 'bit':
      return `HEX(${column} + 0)`
    case 'enum':
    case 'set': // with its number: '' may be a member, or the error value
      return `CONCAT(${column} + 0, ':', CONVERT(${column} USING utf8mb4))`
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return `CONVERT(${column} USING utf8mb4)`
    case 'json':
      return `CAST(${column} AS CHAR CHARACTER SET utf8mb4)`
    default: // bytes
      return `HEX(${column})`
  }
}
