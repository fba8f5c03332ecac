// BinlogFollower: reads a server's log as the connector does, and goes on after failures from the place that a checkpoint would hold.
//
// I1. The place is where the last transaction began; what was given of it is passed over when it comes again.

import { BinlogStream, type BinlogStreamOptions } from '../../src/connectors/mysql/binlog-stream.ts'
import {
  type ConnectionSettings,
  MysqlConnection,
  parseConnectionOptions,
} from '../../src/connectors/mysql/connection.ts'
import { beginsTransaction, readTransactionHead } from '../../src/connectors/mysql/gtid-event.ts'
import { parseGtids } from '../../src/connectors/mysql/gtids.ts'
import type { LogEvent } from '../../src/connectors/mysql/log/event.ts'
import type { MysqlOffset } from '../../src/connectors/mysql/offset.ts'
import { currentPlace } from '../../src/connectors/mysql/place.ts'
import { type ServerInfo, serverInfo } from '../../src/connectors/mysql/server.ts'
import { systemClock } from '../../src/util/clock.ts'
import { crc32 } from '../../src/util/crc32.ts'

/** An event as tests compare it. */
export interface Followed {
  readonly at: string
  readonly type: number
  readonly sum: number
}

const ARTIFICIAL_FLAG = 0x20

export function settingsOf(port: number, extra: object = {}): ConnectionSettings {
  return parseConnectionOptions({ host: '127.0.0.1', port, user: 'millrace', password: 'millrace', ...extra }, 'test')
}

/** What a server is and where its log ends. */
export async function lookAt(port: number): Promise<{ info: ServerInfo; end: MysqlOffset }> {
  const connection = await MysqlConnection.open(settingsOf(port))
  const info = await serverInfo(connection)
  const end = await currentPlace(connection, info)
  connection.close()
  return { info, end }
}

let nextServerId = 3_000_000

/** Opens a stream on a port of this machine. */
export function openStream(
  port: number,
  info: ServerInfo,
  from: MysqlOffset,
  extra: Partial<BinlogStreamOptions> = {},
): Promise<BinlogStream> {
  nextServerId += 1
  const settings = settingsOf(port)
  return BinlogStream.open({
    settings,
    serverId: nextServerId,
    from,
    info,
    heartbeatMs: 2000,
    clock: systemClock,
    ...extra,
  })
}

export class BinlogFollower {
  readonly events: Followed[] = []
  /** Of the transactions that were begun to be read. */
  readonly gtids: string[] = []
  /** Where the last transaction began that was begun to be read, and how many events were given since. */
  place: MysqlOffset
  since = 0
  #under: string | undefined

  constructor(from: MysqlOffset) {
    this.place = from
  }

  /** Reads until the log's end at `until`, or throws. Looks before each event. */
  async read(stream: BinlogStream, until: MysqlOffset, look = (): void => {}): Promise<void> {
    let skip = this.since
    for (;;) {
      look()
      const event = stream.take()
      if (event === undefined) await stream.available()
      else if (isInFile(event)) {
        if (skip > 0) skip -= 1
        else this.#follow(event, stream)
        if (stream.file === until.file && event.end >= until.pos) return
      }
    }
  }

  #follow(event: LogEvent, { file, pos, created }: BinlogStream): void {
    if (beginsTransaction(event.type)) {
      const gtids =
        this.place.gtids === undefined
          ? undefined
          : parseGtids(this.place.gtids, this.place.server.startsWith('server-id'))
      if (this.#under !== undefined) gtids?.add(this.#under)
      this.#under = readTransactionHead(event).gtid
      if (this.#under !== undefined) this.gtids.push(this.#under)
      this.place = { server: this.place.server, file, pos, rows: 0, created, gtids: gtids?.toString() ?? '' }
      this.since = 0
    }
    this.since += 1
    this.events.push({ at: `${file}:${pos}`, type: event.type, sum: crc32(event.body) })
  }
}

/** Whether the event is in the file, rather than made up for the dump. */
export function isInFile({ end, flags }: LogEvent): boolean {
  return end !== 0 && (flags & ARTIFICIAL_FLAG) === 0
}
