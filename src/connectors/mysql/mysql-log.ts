// MysqlLog: reads the binary log from a place on, transaction by transaction.

import type { LogEvent } from './log/event.ts'
import type { MysqlOffset } from './offset.ts'

/** A binary log under way, as BinlogStream gives it. */
export interface EventStream {
  take(): LogEvent | undefined
  available(): Promise<void>
  close(): Promise<void>
}

/** What MysqlLog needs of the port. */
export interface MysqlLogSettings {
  /** Opens the log at a place where a transaction begins; the stream open before is closed first, so one server id will do. */
  readonly open: (at: MysqlOffset) => Promise<EventStream>
  readonly from: MysqlOffset
  /** ServerInfo.id and .mariadb of the connected server. */
  readonly server: { readonly id: string; readonly mariadb: boolean }
  /** The tables to tell of. */
  readonly isWanted: (database: string, table: string) => boolean
  /** A fingerprint of what isWanted depends on; stands in places inside transactions. */
  readonly wanted: string
  /** The files of the log that the server has, oldest first: SHOW BINARY LOGS. Asked only to find an XA transaction prepared before `from`. */
  readonly files: () => Promise<readonly string[]>
}
