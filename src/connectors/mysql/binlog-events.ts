import type { MysqlConnection, RawRow } from './connection.ts'

/** ER_ERROR_WHEN_EXECUTING_COMMAND: `binlog truncated in the middle of event` of a file whose writer is in the middle of one. */
export const COMMAND_FAILED = 1220
const ATTEMPTS_MAX = 10
const ATTEMPT_PAUSE_MS = 20

/**
 * Rows of SHOW BINLOG EVENTS. Of a file that is being written a MySQL may see the half of an event and say it is broken: it is asked
 * again, and only an error that stays is thrown.
 */
export async function binlogEvents(
  connection: Pick<MysqlConnection, 'query'>,
  file: string,
  { from = 4, limit }: { readonly from?: number; readonly limit: number },
): Promise<RawRow[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connection.query(`SHOW BINLOG EVENTS IN ? FROM ${from} LIMIT ${limit}`, [file])
    } catch (error) {
      if ((error as { errno?: number }).errno !== COMMAND_FAILED || attempt === ATTEMPTS_MAX) throw error
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE_MS))
    }
  }
}
