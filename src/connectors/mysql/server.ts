import { MillraceError } from '../../errors.ts'
import type { MysqlConnection } from './connection.ts'

/** What kind of server a connection leads to. */
export interface ServerInfo {
  readonly mariadb: boolean
  /** As VERSION() says it. */
  readonly version: string
  /** MysqlOffset.server. */
  readonly id: string
  /** Each transaction has a GTID. */
  readonly gtids: boolean
  /** Events end in a CRC32. */
  readonly checksum: boolean
}

/** Asks the server what it is. */
export async function serverInfo(connection: MysqlConnection): Promise<ServerInfo> {
  const version = String((await connection.first('SELECT VERSION()'))?.[0])
  const mariadb = /mariadb/i.test(version)
  const [id, gtids, checksum] = (await connection.first(
    mariadb
      ? "SELECT CONCAT('server-id ', @@global.server_id), 'ON', @@global.binlog_checksum"
      : 'SELECT @@global.server_uuid, @@global.gtid_mode, @@global.binlog_checksum',
  )) as [string, string, string]
  return { mariadb, version, id, gtids: gtids === 'ON', checksum: checksum !== 'NONE' }
}

/** Whether a MySQL has SHOW BINARY LOG STATUS (8.2 and later; 8.4 has no SHOW MASTER STATUS any more). */
export function hasBinaryLogStatus({ mariadb, version }: ServerInfo): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return !mariadb && (major > 8 || (major === 8 && minor >= 2))
}

/** An error of the source with this reason. */
export function sourceFailed(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('SOURCE_FAILED', { node: '?', reason }, cause)
}
