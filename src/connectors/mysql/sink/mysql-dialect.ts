// MySQL and MariaDB as a target: connections, and what their errors mean.

import type { SqlDialect } from '../../sql/dialect.ts'
import { type ConnectionSettings, MysqlConnection } from '../connection.ts'
import { MysqlSession } from './mysql-session.ts'
import { classOfError, explainError } from './server-error.ts'
import { STRICT_MODE } from './sql-mode.ts'
import type { TargetTable } from './target-table.ts'

export interface MysqlDialectOptions {
  readonly settings: ConnectionSettings
  /** Database of the sink's own tables. */
  readonly ledger: string
  readonly origin: string | undefined
  /** Who writes, for dead letters. */
  readonly node: string
}

/** Sessions for lanes. */
export function mysqlDialect({ settings, ledger, origin, node }: MysqlDialectOptions): SqlDialect<TargetTable> {
  return {
    async connect() {
      const connection = await MysqlConnection.open(settings)
      try {
        await connection.run(
          `SET SESSION sql_mode = '${STRICT_MODE}', foreign_key_checks = 0, autocommit = 0, innodb_lock_wait_timeout = 50`,
        )
        await connection.run('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
        const packet = Number((await connection.first('SELECT @@max_allowed_packet'))?.[0])
        return new MysqlSession(connection, { ledger, origin, node, packetBytesMax: packet })
      } catch (error) {
        connection.close()
        throw error
      }
    },
    classOf: classOfError,
    explain: explainError,
  }
}
