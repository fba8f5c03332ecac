// Whether a server is set up so that its log can be followed: asked before the first row, each answer with the statement that mends it.

import { isMillraceError, MillraceError } from '../../errors.ts'
import { type CatalogueTable, isMissingTable } from './catalogue.ts'
import { tableName } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { qualifiedName } from './key-bound.ts'
import type { ServerInfo } from './server.ts'

/** A variable of the server. Servers that have no such variable are as if it were right. */
interface Setting {
  readonly variable: string
  readonly isRight: (value: string) => boolean
  readonly wanted: string
  /** Behind SET GLOBAL (or SET PERSIST). */
  readonly statement?: string
  readonly why: string
}

const SETTINGS: readonly Setting[] = [
  {
    variable: 'log_bin',
    isRight: (value) => value === 'ON' || value === '1',
    wanted: 'ON',
    why: 'there is no log to follow: put log_bin under [mysqld] in the configuration and start the server again',
  },
  {
    variable: 'binlog_format',
    isRight: (value) => value === 'ROW',
    wanted: 'ROW',
    statement: "binlog_format = 'ROW'",
    why: 'statements do not tell which rows they change',
  },
  {
    variable: 'binlog_row_image',
    isRight: (value) => value === 'FULL',
    wanted: 'FULL',
    statement: "binlog_row_image = 'FULL'",
    why: 'parts of rows cannot be told as rows',
  },
  {
    variable: 'binlog_row_metadata',
    isRight: (value) => value === 'FULL',
    wanted: 'FULL',
    statement: "binlog_row_metadata = 'FULL'",
    why: 'without the names of columns, rows that were written before an ALTER cannot be understood',
  },
  {
    variable: 'binlog_transaction_compression',
    isRight: (value) => value === 'OFF' || value === '0',
    wanted: 'OFF',
    statement: 'binlog_transaction_compression = OFF',
    why: 'compressed transactions are not read',
  },
  {
    variable: 'binlog_row_value_options',
    isRight: (value) => !value.includes('PARTIAL_JSON'),
    wanted: "''",
    statement: "binlog_row_value_options = ''",
    why: 'differences of JSON documents cannot be told as rows',
  },
]

/** Shorter than this, a job that is stopped over a weekend may find its place gone. */
const RETENTION_SECONDS_MIN = 3 * 24 * 3600

export interface Preflight {
  readonly connection: MysqlConnection
  readonly info: ServerInfo
  readonly node: string
  readonly warn: (message: string) => void
  /** Opens the log at its end and closes it: only the server knows whether it may be read. */
  readonly openLog: () => Promise<void>
}

/** Checks the server's settings and the account's rights to the log. Throws SOURCE_SETTING with all that is wrong. */
export async function checkServer({ connection, info, node, warn, openLog }: Preflight): Promise<void> {
  const rows = await connection.query(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_transaction_compression', 'binlog_row_value_options', 'binlog_checksum', 'binlog_expire_logs_seconds', 'expire_logs_days', 'gtid_mode')",
  )
  const values = new Map(rows.map(([name, value]) => [String(name), String(value)]))
  const set = info.mariadb ? 'SET GLOBAL' : 'SET PERSIST'
  const wrong = SETTINGS.flatMap(({ variable, isRight, wanted, statement, why }) => {
    const value = values.get(variable)
    if (value === undefined || isRight(value.toUpperCase())) return []
    return [
      `${variable} is ${value || "''"}, not ${wanted}: ${why}${statement === undefined ? '' : `: ${set} ${statement}`}`,
    ]
  })
  if (wrong.length > 0) throw new MillraceError('SOURCE_SETTING', { node, reason: wrong.join('; ') })
  for (const warning of warnings(values, info, set)) warn(warning)
  await checkLogRights(node, openLog)
}

function warnings(values: ReadonlyMap<string, string>, info: ServerInfo, set: string): string[] {
  const found: string[] = []
  if (!info.gtids)
    found.push(
      'gtid_mode is not ON: tables are locked for a moment at each chunk of their snapshot, and the source cannot go on at another server',
    )
  if (!info.checksum)
    found.push(`binlog_checksum is NONE: damage to the log is not noticed: ${set} binlog_checksum = CRC32`)
  const seconds = values.get('binlog_expire_logs_seconds')
  const days = values.get('expire_logs_days')
  const retention = Number(seconds ?? 0) || Number(days ?? 0) * 24 * 3600
  if (retention > 0 && retention < RETENTION_SECONDS_MIN)
    found.push(
      `the log is kept for ${retention} s only: a job that stands still for longer has to start over: ${set} binlog_expire_logs_seconds = 604800`,
    )
  return found
}

async function checkLogRights(node: string, openLog: () => Promise<void>): Promise<void> {
  try {
    await openLog()
  } catch (error) {
    const reason = isMillraceError(error) ? error.message : ''
    if (/GRANT |access denied/i.test(reason)) throw new MillraceError('SOURCE_SETTING', { node, reason }, error)
    throw error
  }
}

/** Checks that a table can be read in full as of one moment; false if it was dropped just now. Throws SOURCE_SETTING. */
export async function checkTable(
  connection: MysqlConnection,
  transactional: ReadonlySet<string>,
  table: CatalogueTable,
  node: string,
): Promise<boolean> {
  const title = tableName(table.database, table.name)
  if (!transactional.has(table.engine)) {
    const reason = `table ${title} has engine ${table.engine}, which has no transactions, so its rows and the log cannot be read as of one moment: ALTER TABLE ${qualifiedName(table)} ENGINE = InnoDB, or leave it out with tables: ['!${title}']`
    throw new MillraceError('SOURCE_SETTING', { node, reason })
  }
  try {
    await connection.query(`SELECT * FROM ${qualifiedName(table)} LIMIT 0`)
    return true
  } catch (error) {
    if (isMissingTable(error)) return false
    throw error
  }
}

/** Throws SOURCE_SETTING for a table whose log holds rows of the past beside those of now, which nothing there tells apart. */
export function checkVersioning(table: CatalogueTable, node: string): void {
  if (!table.versioned) return
  const title = tableName(table.database, table.name)
  const reason = `table ${title} is system-versioned: its log tells rows of the past as if they were of now. ALTER TABLE ${qualifiedName(table)} DROP SYSTEM VERSIONING, or leave it out with tables: ['!${title}']`
  throw new MillraceError('SOURCE_SETTING', { node, reason })
}

/** Engines that give consistent views. */
export async function transactionalEngines(connection: MysqlConnection): Promise<ReadonlySet<string>> {
  const rows = await connection.query("SELECT ENGINE FROM information_schema.ENGINES WHERE TRANSACTIONS = 'YES'")
  return new Set(rows.map(([engine]) => String(engine)))
}
