// Catalogue: what a server's information_schema says of tables and their columns, now.

import { MillraceError } from '../../errors.ts'
import type { ColumnKind, MysqlColumn, MysqlTable } from './column.ts'
import { isSpatial, tableName } from './column.ts'
import { type MysqlConnection, quoteName, type RawRow } from './connection.ts'
import type { ServerInfo } from './server.ts'

/** A table of the catalogue. */
export interface CatalogueTable {
  readonly database: string
  readonly name: string
  readonly engine: string
  /** MariaDB keeps the past of its rows in it. */
  readonly versioned: boolean
}

/** Databases of the server's own. */
const SYSTEM_DATABASES: ReadonlySet<string> = new Set(['mysql', 'information_schema', 'performance_schema', 'sys'])

/** Tables that Millrace keeps in a database for itself. */
const OWN_PREFIX = '_millrace_'

const KINDS: ReadonlySet<string> = new Set<ColumnKind>([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'bigint',
  'decimal',
  'float',
  'double',
  'bit',
  'year',
  'date',
  'time',
  'datetime',
  'timestamp',
  'char',
  'varchar',
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
  'binary',
  'varbinary',
  'tinyblob',
  'blob',
  'mediumblob',
  'longblob',
  'json',
  'enum',
  'set',
  'geometry',
  'vector',
  'uuid',
  'inet4',
  'inet6',
])

const SIZED: ReadonlySet<string> = new Set(['char', 'varchar', 'binary', 'varbinary'])

/** Asks one session; does not own it. */
export class Catalogue {
  readonly #connection: MysqlConnection
  readonly #info: ServerInfo

  constructor(connection: MysqlConnection, info: ServerInfo) {
    this.#connection = connection
    this.#info = info
  }

  /** Tables that hold rows of their own and are wanted, by tableName: no views, no sequences, nothing of the server's or Millrace's own. */
  async tables(isWanted: (name: string) => boolean): Promise<readonly CatalogueTable[]> {
    const rows = await this.#connection.query(
      `SELECT TABLE_SCHEMA, TABLE_NAME, ENGINE, TABLE_TYPE FROM information_schema.TABLES
       WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN (?) ORDER BY 1, 2`,
      [[...SYSTEM_DATABASES]],
    )
    return rows
      .map(([database, name, engine, type]) => {
        const versioned = type === 'SYSTEM VERSIONED'
        return { database, name, engine: engine ?? '', versioned } as CatalogueTable
      })
      .filter(({ database, name }) => isWanted(tableName(database, name)) && !isReserved(database, name))
  }

  /** Undefined if there is no such table. Throws SCHEMA_MISMATCH for a type that is not known. */
  async table(database: string, name: string): Promise<MysqlTable | undefined> {
    const where = 'WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?'
    const columns = await this.#connection.query(
      `SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, EXTRA, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION,
       CHARACTER_MAXIMUM_LENGTH, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS ${where} ORDER BY ORDINAL_POSITION`,
      [database, name],
    )
    if (columns.length === 0) return undefined
    const key = await this.#connection.query(
      `SELECT COLUMN_NAME FROM information_schema.STATISTICS ${where} AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX`,
      [database, name],
    )
    return {
      database,
      name,
      columns: columns.map((column) => readColumn(column, tableName(database, name))),
      key: key.map(([column]) => String(column)),
    }
  }

  /** Whether no two rows have the same values in these columns, and none NULL: there is a unique index over some of them. */
  async isUnique(database: string, name: string, columns: readonly string[]): Promise<boolean> {
    const [row] = await this.#connection.query(
      `SELECT 1 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0 GROUP BY INDEX_NAME
       HAVING SUM(COLUMN_NAME IS NULL OR COLUMN_NAME NOT IN (?) OR NULLABLE = 'YES') = 0 LIMIT 1`,
      [database, name, columns],
    )
    return row !== undefined
  }

  /** SHOW CREATE TABLE; undefined if there is no such table. */
  async definition(database: string, name: string): Promise<string | undefined> {
    try {
      const row = await this.#connection.first(`SHOW CREATE TABLE ${quoteName(database)}.${quoteName(name)}`)
      return row === undefined ? undefined : String(row[1])
    } catch (error) {
      if (isMissingTable(error)) return undefined
      throw error
    }
  }

  /** Whether names of databases and tables are compared without case (lower_case_table_names). */
  async foldsCase(): Promise<boolean> {
    const row = await this.#connection.first('SELECT @@lower_case_table_names')
    return Number(row?.[0]) !== 0
  }

  /**
   * Sets up the session: MySQL caches the sizes of tables for a day, and can hide a primary key that it made itself
   * (sql_generate_invisible_primary_key), which the log shows.
   */
  async prepare(): Promise<void> {
    if (this.#info.mariadb) return
    const wanted = { information_schema_stats_expiry: '0', show_gipk_in_create_table_and_information_schema: 'ON' }
    const there = await this.#connection.query('SHOW SESSION VARIABLES WHERE Variable_name IN (?)', [
      Object.keys(wanted),
    ])
    for (const [name] of there)
      await this.#connection.run(`SET SESSION ${name} = ${wanted[name as keyof typeof wanted]}`)
  }
}

/** Whether a table is the server's or Millrace's own. */
function isReserved(database: string, name: string): boolean {
  return SYSTEM_DATABASES.has(database.toLowerCase()) || name.startsWith(OWN_PREFIX)
}

/** The table, or its database, is not there (any more). */
export function isMissingTable(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return code === 'ER_NO_SUCH_TABLE' || code === 'ER_BAD_DB_ERROR'
}

function readColumn(row: RawRow, table: string): MysqlColumn {
  const [name, dataType, type, nullable, extra, precision, scale, fraction, length, charset, collation] = row
  const kind = kindOf(String(dataType).toLowerCase())
  if (kind === undefined) {
    const reason = `column "${name}" has the type ${type}, which is not supported: leave the table out (tables: ['!${table}']), or change the column`
    throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
  }
  const properties = String(extra).toUpperCase()
  return {
    name: String(name),
    kind,
    type: String(type),
    unsigned: / unsigned\b/.test(String(type)) && labelsAt(String(type)) === undefined,
    nullable: nullable === 'YES',
    generated: /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b/.test(properties),
    invisible: /\bINVISIBLE\b/.test(properties),
    precision: Number(precision ?? 0),
    scale: Number(scale ?? fraction ?? 0),
    length: SIZED.has(kind) ? Number(length ?? 0) : 0,
    charset: charset === null ? null : String(charset),
    collation: collation === null ? null : String(collation),
    labels: readLabels(String(type)),
  }
}

function kindOf(dataType: string): ColumnKind | undefined {
  if (isSpatial(dataType)) return 'geometry'
  return KINDS.has(dataType) ? (dataType as ColumnKind) : undefined
}

/** Where the labels of an enum or set begin in its type. */
function labelsAt(type: string): number | undefined {
  const begin = /^(?:enum|set)\s*\(/i.exec(type)
  return begin === null ? undefined : begin[0].length
}

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r', t: '\t', b: '\b', Z: '\x1a' }

/** The labels in `enum('a','it''s')`: quotes are doubled, backslashes escape. */
function readLabels(type: string): readonly string[] {
  const begin = labelsAt(type)
  if (begin === undefined) return []
  const labels: string[] = []
  for (const [, quoted] of type.slice(begin).matchAll(/'((?:[^'\\]|\\[\s\S]|'')*)'/g)) {
    labels.push((quoted ?? '').replaceAll(/''|\\([\s\S])/g, (_, escaped?: string) => unescaped(escaped)))
  }
  return labels
}

function unescaped(escaped: string | undefined): string {
  return escaped === undefined ? "'" : (ESCAPES[escaped] ?? escaped)
}
