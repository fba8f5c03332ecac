// Places that are found by reading the log: at a time, and with what is executed there.

import { binlogEvents } from './binlog-events.ts'
import type { BinlogStream } from './binlog-stream.ts'
import type { MysqlConnection } from './connection.ts'
import { beginsTransaction, readTransactionHead } from './gtid-event.ts'
import { GtidSet } from './gtid-set.ts'
import type { LogEvent } from './log/event.ts'
import { gtidsAt } from './mariadb-place.ts'
import type { MysqlOffset } from './offset.ts'
import { checkPlace, compareOffsets, currentPlace, logFiles } from './place.ts'
import type { ServerInfo } from './server.ts'

/** What finding a place takes. */
export interface PlaceSearch {
  readonly connection: MysqlConnection
  readonly info: ServerInfo
  /** Opens the log at the beginning of a file. One at a time. */
  readonly open: (from: MysqlOffset) => Promise<BinlogStream>
}

/**
 * Where the first transaction begins that was committed at this time or later; the end of the log if there is none yet. Finds the file by
 * when each was begun, then reads that one. Where the log tells a commit's time by the second, the whole second counts.
 */
export async function placeAt(search: PlaceSearch, timestampMs: number): Promise<MysqlOffset> {
  const end = await currentPlace(search.connection, search.info)
  const files = (await logFiles(search.connection)).map(({ name }) => name)
  const second = timestampMs - (timestampMs % 1000)
  let low = 0
  let high = files.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    // One begun within the second may have some of its transactions before it.
    if ((await begunMs(search, files[middle] ?? '')) < second) low = middle
    else high = middle - 1
  }
  const isSince = (event: LogEvent): boolean => {
    const { committedMs } = readTransactionHead(event)
    return committedMs === undefined ? event.timestampMs >= second : committedMs >= timestampMs
  }
  return findFrom(search, files[low] ?? end.file, end, isSince)
}

/** A place given by file and position, with what is executed there: so it holds on other servers too. Reads the file up to there. */
export async function placeWithGtids(search: PlaceSearch, place: MysqlOffset): Promise<MysqlOffset> {
  await checkPlace(search.connection, search.info, place)
  return findFrom(search, place.file, place, () => false)
}

async function begunMs(search: PlaceSearch, file: string): Promise<number> {
  const stream = await search.open(beginning(search.info, file))
  try {
    while (stream.created === 0) await nextEvent(stream)
    return stream.created
  } finally {
    await stream.close()
  }
}

/** The place of the first transaction that is meant, reading from a file's beginning on; `end` if none begins before it. */
async function findFrom(
  search: PlaceSearch,
  file: string,
  end: MysqlOffset,
  isMeant: (head: LogEvent) => boolean,
): Promise<MysqlOffset> {
  const { connection, info } = search
  const executed = await executedBefore(connection, info, file)
  const stream = await search.open(beginning(info, file))
  try {
    let under: string | undefined
    const found = (pos: number): Promise<MysqlOffset> =>
      placed(search, { file: stream.file || file, created: stream.created }, pos, executed)
    while (compareOffsets({ ...end, file: stream.file || file, pos: stream.next }, end) < 0) {
      const event = await nextEvent(stream)
      if (!beginsTransaction(event.type)) continue
      if (under !== undefined) executed?.add(under)
      if (isMeant(event)) return await found(stream.pos)
      under = readTransactionHead(event).gtid
    }
    if (under !== undefined) executed?.add(under)
    return await found(stream.next)
  } finally {
    await stream.close()
  }
}

async function placed(
  { connection, info }: PlaceSearch,
  { file, created }: { readonly file: string; readonly created: number },
  pos: number,
  executed: GtidSet | undefined,
): Promise<MysqlOffset> {
  const gtids = info.mariadb ? await gtidsAt(connection, file, pos) : executed?.toString()
  const place = { server: info.id, file, pos, rows: 0, gtids: gtids ?? '' }
  return created === 0 ? place : { ...place, created }
}

/** What a MySQL had executed when it began a file; a MariaDB tells it of every place (gtidsAt). */
async function executedBefore(
  connection: MysqlConnection,
  info: ServerInfo,
  file: string,
): Promise<GtidSet | undefined> {
  if (info.mariadb || !info.gtids) return undefined
  const events = await binlogEvents(connection, file, { limit: 2 })
  const [, , type, , , text] = events[1] ?? []
  return GtidSet.parse(type === 'Previous_gtids' ? String(text) : '')
}

function beginning(info: ServerInfo, file: string): MysqlOffset {
  return { server: info.id, file, pos: 4, rows: 0 }
}

async function nextEvent(stream: BinlogStream): Promise<LogEvent> {
  for (;;) {
    const event = stream.take()
    if (event !== undefined) return event
    await stream.available()
  }
}
