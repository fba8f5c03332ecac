// SnapshotView: one consistent view of the tables, and which places in the log it lies between.
//
// Owns: the session's transaction, until close().
// Does not own: the session; what is read in the view.
//
// I1. Every commit at or before `low` is in the view, and none behind `high`.
// I2. A MariaDB says where a view is: low = high. A MySQL does not. There a commit is flushed to the log before it is seen by others, and owns
//     its GTID from before the flush until it is seen; so with nothing owned and the log's end the same before and behind the opening of the
//     view, low = high. On a busy server low is a place all of whose transactions have been waited for, and high the end of the log behind the
//     opening. A table that cannot bear low < high (no key), or a server without GTIDs, is locked for the moment of the opening.

import type { MysqlConnection } from './connection.ts'
import { GtidSet } from './gtid-set.ts'
import { qualifiedName } from './key-bound.ts'
import { executedAt } from './mariadb-place.ts'
import type { MysqlOffset } from './offset.ts'
import { currentPlace } from './place.ts'
import { hasBinaryLogStatus, type ServerInfo, sourceFailed } from './server.ts'

/** Where a view is on its way: a test changes rows at each. */
export type ViewStep = 'post-low' | 'pre-high' | 'post-high'

export interface ViewOptions {
  /** Allows several statements in one call. Of its own: nothing else is asked on it while a view is open. */
  readonly session: MysqlConnection
  readonly info: ServerInfo
  readonly table: { readonly database: string; readonly name: string }
  /** The table's rows are to be as of one place: low = high. */
  readonly exact: boolean
  readonly step: (step: ViewStep) => Promise<void>
  /** Another session, for locking. */
  readonly connect: () => Promise<MysqlConnection>
}

/** Views opened in the hope that the log stands still, before another way is taken. */
const LOOKS_MAX = 5

/** How long transactions under way are waited for. */
const COMMITS_WAIT_SECONDS = 60

/** How long a table's lock is waited for: whoever wants to write to it waits behind us. */
const LOCK_WAIT_SECONDS = 10

const BEGIN = 'START TRANSACTION WITH CONSISTENT SNAPSHOT'

export class SnapshotView {
  readonly low: MysqlOffset
  readonly high: MysqlOffset
  readonly #session: MysqlConnection

  private constructor(session: MysqlConnection, low: MysqlOffset, high: MysqlOffset) {
    this.#session = session
    this.low = low
    this.high = high
  }

  static async open(options: ViewOptions): Promise<SnapshotView> {
    const { session, info } = options
    const places = info.mariadb ? await openOnMariadb(options) : await openOnMysql(options)
    await options.step('post-high')
    return new SnapshotView(session, places.low, places.high)
  }

  /** Lets the server forget the versions of rows that were kept for this view. */
  async close(): Promise<void> {
    await this.#session.run('ROLLBACK')
  }
}

interface Places {
  readonly low: MysqlOffset
  readonly high: MysqlOffset
}

const same = (place: MysqlOffset): Places => ({ low: place, high: place })

async function openOnMariadb({ session, info, step }: ViewOptions): Promise<Places> {
  const known = await currentPlace(session, info)
  await step('post-low')
  await session.run(BEGIN)
  await step('pre-high')
  const status = new Map(
    (await session.query("SHOW STATUS LIKE 'binlog_snapshot_%'")).map(([name, value]) => [
      String(name).toLowerCase(),
      String(value),
    ]),
  )
  const file = status.get('binlog_snapshot_file') ?? ''
  const pos = Number(status.get('binlog_snapshot_position'))
  if (file === '') throw sourceFailed('the server does not tell where in its binary log a snapshot is: set log_bin')
  const place = { server: info.id, file, pos, rows: 0 }
  const gtids = await executedAt(session, { gtids: '', ...known }, place)
  return same(gtids === undefined ? place : { ...place, gtids })
}

async function openOnMysql(options: ViewOptions): Promise<Places> {
  const { info, exact } = options
  if (!info.gtids) return await openLocked(options)
  return (await openAtRest(options)) ?? (exact ? await openLocked(options) : await openBetween(options))
}

/** A view with nothing between the log and the tables; undefined if the server was too busy for one. */
async function openAtRest({ session, info, step }: ViewOptions): Promise<Places | undefined> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const end = await endOfLog(session, info)
    const { owned, executed } = await transactions(session)
    if (owned !== '') continue
    await step('post-low')
    await session.run(BEGIN)
    await step('pre-high')
    const again = await endOfLog(session, info)
    if (again.file === end.file && again.pos === end.pos) return same({ ...end, gtids: executed })
    await session.run('ROLLBACK')
  }
  return undefined
}

/** A view somewhere between two places. What is executed at them is not known: they hold for file and position. */
async function openBetween({ session, info, step }: ViewOptions): Promise<Places> {
  const low = await endOfLog(session, info)
  const { owned } = await transactions(session)
  if (owned !== '') await waitFor(session, owned)
  await step('post-low')
  await session.run(BEGIN)
  await step('pre-high')
  return { low, high: await endOfLog(session, info) }
}

async function waitFor(session: MysqlConnection, owned: string): Promise<void> {
  const set = GtidSet.parse(owned.replaceAll(/#\d+/g, '')).toString()
  const [late] = (await session.first('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)', [set, COMMITS_WAIT_SECONDS])) ?? []
  if (Number(late) === 0) return
  throw sourceFailed(
    `transactions ${set} were not committed within ${COMMITS_WAIT_SECONDS} s, and a snapshot waits for them`,
  )
}

/** The table cannot change while the view is opened: whoever changed it has committed, and is in the log. */
async function openLocked({ session, info, table, step, connect }: ViewOptions): Promise<Places> {
  await step('post-low')
  const locker = await connect()
  try {
    await locker.run(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_SECONDS}`)
    await locker.run(`LOCK TABLES ${qualifiedName(table)} READ`)
    await session.run(BEGIN)
    // Other tables are written to meanwhile: the log's end and what is executed are to be of one moment.
    return same(info.gtids ? await currentPlace(session, info) : await endOfLog(session, info))
  } finally {
    locker.close()
    await step('pre-high')
  }
}

async function endOfLog(session: MysqlConnection, info: ServerInfo): Promise<MysqlOffset> {
  const row = await session.first(hasBinaryLogStatus(info) ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS')
  if (row === undefined) throw sourceFailed('the server writes no binary log: set log_bin')
  return { server: info.id, file: String(row[0]), pos: Number(row[1]), rows: 0 }
}

/** Those that are in the tables, and those that may be in the log alone (`uuid:5#12`, by session). */
async function transactions(session: MysqlConnection): Promise<{ owned: string; executed: string }> {
  const [owned, executed] = (await session.first('SELECT @@global.gtid_owned, @@global.gtid_executed')) ?? []
  return { owned: String(owned), executed: GtidSet.parse(String(executed)).toString() }
}
