// Places in the log: which is first, where the log ends and begins, and whether it can still be read from a place.

import { MillraceError } from '../../errors.ts'
import type { ChangeSource } from '../../record/change.ts'
import { binlogEvents } from './binlog-events.ts'
import type { MysqlConnection, RawRow } from './connection.ts'
import { GtidSet, type Gtids } from './gtid-set.ts'
import { isMariadbGtids, parseGtids } from './gtids.ts'
import { executedNearEnd, gtidsAt } from './mariadb-place.ts'
import type { MysqlOffset } from './offset.ts'
import { hasBinaryLogStatus, type ServerInfo, sourceFailed } from './server.ts'

/**
 * Negative, zero or positive, as a lies before, at or behind b. On one server by file and position; from one server to another by what
 * is executed: throws SOURCE_FAILED if neither place has all of the other's transactions.
 */
export function compareOffsets(a: MysqlOffset, b: MysqlOffset): number {
  if (a.file !== '' && b.file !== '' && (a.server === b.server || a.server === '' || b.server === '')) {
    const files = a.file === b.file ? 0 : compareFiles(a.file, b.file)
    if (files !== undefined) return files || a.pos - b.pos || a.rows - b.rows
  }
  return compareByGtids(a, b)
}

/** By the number behind the last dot; undefined for files of two logs (the server was given another log_bin). */
function compareFiles(a: string, b: string): number | undefined {
  const [dotA, dotB] = [a.lastIndexOf('.'), b.lastIndexOf('.')]
  if (a.slice(0, dotA) !== b.slice(0, dotB)) return undefined
  return Number(a.slice(dotA + 1)) - Number(b.slice(dotB + 1))
}

function compareByGtids(a: MysqlOffset, b: MysqlOffset): number {
  // A change's own place: its transaction is in what is executed at the other, or it comes later.
  if (a.gtids === undefined && b.gtids !== undefined && a.gtid !== undefined)
    return gtidsOf(b).contains(a.gtid) ? -1 : 1
  if (b.gtids === undefined && a.gtids !== undefined && b.gtid !== undefined)
    return gtidsOf(a).contains(b.gtid) ? 1 : -1
  if (a.gtids === undefined || b.gtids === undefined) {
    if (a.gtid !== undefined && a.gtid === b.gtid) return a.rows - b.rows
    throw incomparable(a, b)
  }
  const [ofA, ofB] = [gtidsOf(a), gtidsOf(b)]
  const before = ofA.within(ofB)
  const behind = ofB.within(ofA)
  if (before && behind) return a.rows - b.rows
  if (!before && !behind) throw incomparable(a, b)
  return before ? -1 : 1
}

/**
 * Whether a change is at or before a place where no transaction is under way: its transaction is executed there, or where GTIDs do not
 * tell, its position is not behind. Throws SOURCE_FAILED for positions in two logs.
 */
export function covers(place: MysqlOffset, { position, transaction }: ChangeSource): boolean {
  if (transaction !== undefined && place.gtids !== undefined && place.gtids !== '')
    return gtidsOf(place).contains(transaction)
  return compareOffsets(parsePlace(position), place) <= 0
}

/** Read once for each place: a watermark is compared with every change. */
const parsed = new WeakMap<MysqlOffset, Gtids>()

function gtidsOf(place: MysqlOffset): Gtids {
  let gtids = parsed.get(place)
  if (gtids === undefined) {
    const text = place.gtids ?? ''
    gtids = parseGtids(text, isMariadbGtids(text))
    parsed.set(place, gtids)
  }
  return gtids
}

function incomparable(a: MysqlOffset, b: MysqlOffset): MillraceError {
  return sourceFailed(
    `it is not known which is first, ${printPlace(a)} or ${printPlace(b)}: they are of different servers, and neither has executed all that the other has. Was a server connected to that is no replica of the former one?`,
  )
}

/** A place for people: `binlog.000012:4567 of server …`. */
function printPlace({ server, file, pos, gtids, gtid }: MysqlOffset): string {
  const where = file === '' ? '' : `${file}:${pos}${server === '' ? '' : ` of ${server}`}`
  const executed = gtids === undefined || gtids === '' ? '' : `GTIDs ${gtids}`
  return [where, executed, where === '' && executed === '' && gtid !== undefined ? `GTID ${gtid}` : '']
    .filter((part) => part !== '')
    .join(', ')
}

/** How often a server is looked at for a moment at which nothing is between its log and its tables. */
const LOOKS_MAX = 5
/** How often it is asked what is executed at a place: it may be in the middle of writing there, and not know. */
const ASKS_MAX = 100
const ASK_PAUSE_MS = 20

/** Where the log ends, and what is executed there. */
export async function currentPlace(connection: MysqlConnection, info: ServerInfo): Promise<MysqlOffset> {
  if (!info.gtids) return endOfLog(connection, info)
  for (let ask = 0; ask < ASKS_MAX; ask++) {
    const place = info.mariadb
      ? await executedNearEnd(connection, () => endOfLog(connection, info))
      : ((await currentAtRest(connection, info)) ?? (await currentOfBusy(connection, info)))
    if (place !== undefined) return { server: info.id, rows: 0, ...place }
    if (ask >= LOOKS_MAX) await new Promise((resolve) => setTimeout(resolve, ASK_PAUSE_MS))
  }
  const end = await endOfLog(connection, info)
  throw sourceFailed(`what is executed at the end of the log (${printPlace(end)}) could not be told by the server`)
}

/** The end of a MySQL's log at a moment at which nothing was between it and the tables; undefined if there was none. */
async function currentAtRest(connection: MysqlConnection, info: ServerInfo): Promise<MysqlOffset | undefined> {
  let end = await endOfLog(connection, info)
  for (let look = 0; look < LOOKS_MAX; look++) {
    const executed = await executedNow(connection)
    const again = await endOfLog(connection, info)
    if (executed !== undefined && again.file === end.file && again.pos === end.pos) return { ...end, gtids: executed }
    end = again
  }
  return undefined
}

async function currentOfBusy(connection: MysqlConnection, info: ServerInfo): Promise<MysqlOffset | undefined> {
  const end = await endOfLog(connection, info)
  const gtids = await executedUpTo(connection, end.file, end.pos)
  return gtids === undefined ? undefined : { ...end, gtids }
}

async function endOfLog(connection: MysqlConnection, info: ServerInfo): Promise<MysqlOffset> {
  const row = await connection.first(hasBinaryLogStatus(info) ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS')
  if (row === undefined)
    throw sourceFailed('the server writes no binary log: set log_bin in its configuration and start it again')
  const [file, pos, , , gtids] = row as [string, number | string, string, string, string | undefined]
  return {
    server: info.id,
    file,
    pos: Number(pos),
    rows: 0,
    gtids: info.mariadb ? '' : GtidSet.parse(gtids ?? '').toString(),
  }
}

/**
 * What a MySQL has executed; undefined while the log may have transactions that are not in it. It writes a transaction to the log first,
 * owning its GTID until the engines have it too.
 */
async function executedNow(connection: MysqlConnection): Promise<string | undefined> {
  const [owned, executed] = (await connection.first('SELECT @@global.gtid_owned, @@global.gtid_executed')) as [
    string,
    string,
  ]
  return owned === '' ? GtidSet.parse(executed).toString() : undefined
}

/** How long commits under way are waited for: from the log to the engines they take milliseconds, and a replica's may own a GTID long before. */
const COMMITS_WAIT_SECONDS = 1

/** More events than that behind a place are not looked through. */
const EVENTS_MAX = 500_000

/**
 * What is executed at a recent place of a MySQL that is being written to: all that is executed a little later, without what the log has
 * from the place on. Undefined if the log went on to another file, or too far.
 */
async function executedUpTo(connection: MysqlConnection, file: string, pos: number): Promise<string | undefined> {
  // What is in the log before the place and not yet executed is owned by its session.
  const owned = ownedGtids(String((await connection.first('SELECT @@global.gtid_owned'))?.[0]))
  await connection.query('SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)', [owned.toString(), COMMITS_WAIT_SECONDS])
  const executed = GtidSet.parse(String((await connection.first('SELECT @@global.gtid_executed'))?.[0]))
  const events = await binlogEvents(connection, file, { from: pos, limit: EVENTS_MAX })
  if (events.length === EVENTS_MAX || events.at(-1)?.[2] === 'Rotate') return undefined
  const later = gtidsOfEvents(events)
  // One that took longer is in the log behind the place, or not at all: else what is executed at the place is not known yet.
  const late = owned.minus(executed).minus(later)
  if (!late.isEmpty && (await mayHold(connection, file, pos, late))) return undefined
  return executed.minus(later).toString()
}

/** Whether the log may have some of these transactions before a place. */
async function mayHold(connection: MysqlConnection, file: string, pos: number, gtids: GtidSet): Promise<boolean> {
  const events = await binlogEvents(connection, file, { limit: EVENTS_MAX })
  if (events.length === EVENTS_MAX) return true
  const before = gtidsOfEvents(events.filter(([, at]) => Number(at) < pos))
  return gtids.minus(before).toString() !== gtids.toString()
}

function gtidsOfEvents(events: readonly RawRow[]): GtidSet {
  const gtids = new GtidSet()
  for (const [, , , , , text] of events) {
    const gtid = /GTID_NEXT= '(.*:\d+)'/.exec(String(text))?.[1]
    if (gtid !== undefined) gtids.add(gtid)
  }
  return gtids
}

/** @@gtid_owned says who owns each: `uuid:5#12`. */
function ownedGtids(text: string): GtidSet {
  return GtidSet.parse(text.replaceAll(/#\d+/g, ''))
}

/** Where the oldest file begins that the server still has. */
export async function earliestPlace(connection: MysqlConnection, info: ServerInfo): Promise<MysqlOffset> {
  const [first] = await logFiles(connection)
  if (first === undefined) return currentPlace(connection, info)
  return {
    server: info.id,
    file: first.name,
    pos: 4,
    rows: 0,
    gtids: (await purged(connection, info, first.name)) ?? '',
  }
}

/** A file of the log, and where it ends. */
export interface LogFile {
  readonly name: string
  readonly size: number
}

/** The files that the server still has, oldest first. */
export async function logFiles(connection: MysqlConnection): Promise<readonly LogFile[]> {
  const rows = await connection.query('SHOW BINARY LOGS')
  return rows.map(([name, size]) => ({ name: String(name), size: Number(size) }))
}

/** What was executed before the oldest file; undefined if the server cannot tell. */
async function purged(connection: MysqlConnection, info: ServerInfo, first: string): Promise<string | undefined> {
  if (info.mariadb) return gtidsAt(connection, first, 4)
  return GtidSet.parse(String((await connection.first('SELECT @@global.gtid_purged'))?.[0])).toString()
}

/** Reads what a user gives: `binlog.000001:4`, a MySQL GTID set or a MariaDB GTID position. Throws CONNECTOR_OPTION. */
export function parsePlace(text: string): MysqlOffset {
  const trimmed = text.trim()
  const [, file, pos] = /^([^:,]+\.\d+):(\d+)$/.exec(trimmed) ?? []
  if (file !== undefined && Number(pos) >= 4 && Number.isSafeInteger(Number(pos)))
    return { server: '', file, pos: Number(pos), rows: 0 }
  const expected =
    'expected a file and position (binlog.000001:4), a MySQL GTID set (uuid:1-5) or a MariaDB GTID position (0-1-5)'
  const refused = (cause?: unknown): MillraceError =>
    new MillraceError(
      'CONNECTOR_OPTION',
      {
        path: 'startup.offset',
        connector: 'mysqlChanges',
        reason: `"${text}" is no place in a binary log: ${expected}`,
      },
      cause,
    )
  if (trimmed === '' || file !== undefined) throw refused()
  try {
    return { server: '', file: '', pos: 0, rows: 0, gtids: parseGtids(trimmed, isMariadbGtids(trimmed)).toString() }
  } catch (error) {
    throw refused(error)
  }
}

/** The dump command carries a position in 32 bits; a file that one transaction made longer is entered by GTIDs. */
const POSITION_MAX = 0xffff_ffff

/** Whether the log is opened by file and position, or else by what is executed. */
export function isByFile(info: ServerInfo, { server, file, pos, gtids }: MysqlOffset): boolean {
  return (
    file !== '' && (server === '' || server === info.id) && (pos <= POSITION_MAX || gtids === undefined || gtids === '')
  )
}

/** How long a server that took over may need to apply what it has received. */
export const CATCH_UP_SECONDS = 10

/**
 * Makes sure that the log can be read from a place on: that nothing behind it was purged, and that what was read up to it is still what
 * the server has. Throws LOG_GONE.
 */
export async function checkPlace(
  connection: MysqlConnection,
  info: ServerInfo,
  place: MysqlOffset,
  catchUpSeconds = CATCH_UP_SECONDS,
): Promise<void> {
  const files = await logFiles(connection)
  const byFile = isByFile(info, place)
  if (byFile) checkFile(place, files)
  if (byFile && (place.gtids === undefined || !info.gtids)) return
  if (place.gtids === undefined || !info.gtids)
    throw gone(
      place,
      `the server connected to is ${info.id}${info.gtids ? '' : ', which has no GTIDs'}, and without GTIDs a place means nothing on another server`,
    )
  if (place.gtids !== '' && isMariadbGtids(place.gtids) !== info.mariadb)
    throw gone(
      place,
      `the server connected to is a ${info.mariadb ? 'MariaDB' : 'MySQL'}, which counts transactions in another way`,
    )
  await checkExecuted(connection, info, place, place.gtids, catchUpSeconds)
  if (!byFile) await checkPurged(connection, info, place, files[0]?.name ?? '')
}

function checkFile(place: MysqlOffset, files: readonly LogFile[]): void {
  const file = files.find(({ name }) => name === place.file)
  const [first, last] = [files[0], files.at(-1)]
  if (first === undefined || last === undefined) throw gone(place, 'the server has no binary log any more')
  if (file === undefined) {
    const older = (compareFiles(place.file, first.name) ?? 1) < 0
    throw gone(
      place,
      older
        ? `${place.file} was purged: the oldest file is ${first.name} (binlog_expire_logs_seconds or expire_logs_days says how long files are kept)`
        : `there is no ${place.file}, the files are ${first.name} to ${last.name}: ${RESET}`,
    )
  }
  if (place.pos > file.size) throw gone(place, `${place.file} has only ${file.size} bytes: ${RESET}`)
}

const RESET = 'the log was reset, or an older backup was restored'

async function checkExecuted(
  connection: MysqlConnection,
  info: ServerInfo,
  place: MysqlOffset,
  gtids: string,
  catchUpSeconds: number,
): Promise<void> {
  let missing = await notExecuted(connection, info, gtids)
  if (missing !== '' && place.server !== info.id && place.server !== '') {
    const wait = info.mariadb ? 'SELECT MASTER_GTID_WAIT(?, ?)' : 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)'
    await connection.query(wait, [missing, catchUpSeconds])
    missing = await notExecuted(connection, info, gtids)
  }
  if (missing === '') return
  const where =
    place.server === info.id || place.server === ''
      ? RESET
      : `it is no replica of ${place.server}, or lost them when it took over`
  throw gone(place, `server ${info.id} has not executed ${missing}: ${where}`)
}

/** Those that the server does not have; '' if it has all. */
async function notExecuted(connection: MysqlConnection, info: ServerInfo, gtids: string): Promise<string> {
  if (info.mariadb) {
    const has = parseGtids(String((await connection.first('SELECT @@global.gtid_binlog_pos'))?.[0]), true)
    return parseGtids(gtids, true).within(has) ? '' : gtids
  }
  // What is in the log but not yet in the engines is owned by its session (`uuid:5#12`); read first, lest it moves on in between.
  const [owned, executed] = (await connection.first('SELECT @@global.gtid_owned, @@global.gtid_executed')) as [
    string,
    string,
  ]
  const missing = GtidSet.parse(gtids).minus(GtidSet.parse(executed))
  if (missing.isEmpty) return ''
  return missing.minus(ownedGtids(owned)).toString()
}

async function checkPurged(
  connection: MysqlConnection,
  info: ServerInfo,
  place: MysqlOffset,
  first: string,
): Promise<void> {
  const lost = await purged(connection, info, first)
  if (lost === undefined) return
  const [read, before] = [parseGtids(place.gtids ?? '', info.mariadb), parseGtids(lost, info.mariadb)]
  if (before.within(read)) return
  const which =
    before instanceof GtidSet && read instanceof GtidSet ? before.minus(read).toString() : `some up to ${lost}`
  throw gone(place, `server ${info.id} has purged transactions that were not read: ${which}`)
}

/** The log cannot be read from a place on, for this reason. */
export function gone(place: MysqlOffset, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('LOG_GONE', { node: '?', place: printPlace(place), reason }, cause)
}
