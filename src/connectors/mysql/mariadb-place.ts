// What a MariaDB has executed at places of its log, while others write to it.
//
// Not by BINLOG_GTID_POS alone: it reads the whole file up to the place, and knows nothing of places behind an event that is larger than
// max_allowed_packet.

import { binlogEvents, COMMAND_FAILED } from './binlog-events.ts'
import type { MysqlConnection } from './connection.ts'
import { MariadbGtids } from './mariadb-gtid.ts'

/** A place in a file of the log. */
export interface FilePlace {
  readonly file: string
  readonly pos: number
}

/** A place and what is executed there. */
export interface ExecutedPlace extends FilePlace {
  readonly gtids: string
}

/** More events than that are not looked through: no one commits meanwhile. */
const EVENTS_MAX = 1000

/**
 * Near the end of the log, where exactly what was executed is known. `endOfLog` asks where it ends. Undefined if the log went on to another
 * file just then, or too far.
 */
export async function executedNearEnd(
  connection: MysqlConnection,
  endOfLog: () => Promise<FilePlace>,
): Promise<ExecutedPlace | undefined> {
  const { file, pos } = await endOfLog()
  const executed = MariadbGtids.parse(String((await connection.first('SELECT @@global.gtid_binlog_pos'))?.[0]))
  // It counts a transaction whose writing is not over; this question waits until it is.
  const end = await endOfLog()
  if (end.file !== file) return undefined
  const gtids = executed.toString()
  if (end.pos === pos) return { file, pos, gtids }
  const logged = await loggedFrom(connection, { file, pos })
  const next = logged?.transactions.find(({ gtid }) => !executed.contains(gtid))
  return logged === undefined ? undefined : { file, pos: next?.pos ?? logged.end, gtids }
}

/** What is executed at a place shortly behind a known one; undefined if the server cannot tell. */
export async function executedAt(
  connection: MysqlConnection,
  known: ExecutedPlace,
  { file, pos }: FilePlace,
): Promise<string | undefined> {
  const logged = known.file !== file || known.pos === pos ? undefined : await loggedFrom(connection, known)
  if (known.file === file && known.pos === pos) return known.gtids
  if (logged === undefined || logged.end < pos) return gtidsAt(connection, file, pos)
  const executed = MariadbGtids.parse(known.gtids)
  for (const transaction of logged.transactions) if (transaction.pos < pos) executed.add(transaction.gtid)
  return executed.toString()
}

/** What is executed at any place; it reads the file up to there. Undefined if it has no such place, or cannot read that far. */
export async function gtidsAt(connection: MysqlConnection, file: string, pos: number): Promise<string | undefined> {
  const text = (await connection.first('SELECT BINLOG_GTID_POS(?, ?)', [file, pos]))?.[0] as string | null
  return text === null ? undefined : MariadbGtids.parse(text).toString()
}

interface Logged {
  readonly transactions: readonly { readonly gtid: string; readonly pos: number }[]
  readonly end: number
}

/** The transactions from a place on; undefined if there are too many, or the file ends there. */
async function loggedFrom(connection: MysqlConnection, { file, pos }: FilePlace): Promise<Logged | undefined> {
  const events = await binlogEvents(connection, file, { from: pos, limit: EVENTS_MAX }).catch((error: unknown) => {
    // An event larger than max_allowed_packet is not read here either.
    if ((error as { errno?: number }).errno === COMMAND_FAILED) return undefined
    throw error
  })
  const last = events?.at(-1)
  if (events === undefined || last === undefined || events.length === EVENTS_MAX || last[2] === 'Rotate')
    return undefined
  const transactions = events.flatMap(([, at, type, , , text]) => {
    const gtid = type === 'Gtid' ? /GTID (\d+-\d+-\d+)/.exec(String(text))?.[1] : undefined
    return gtid === undefined ? [] : [{ gtid, pos: Number(at) }]
  })
  return { transactions, end: Number(last[4]) }
}
