// BinlogStream: the events of a server's log from a place on, in order, as fast as they are taken.
//
// Owns: its connection, the packets that came and were not taken, and where each event lies in the log.
// Does not own: what events mean (log/*, mysql-log), trying again (the source is restarted from its checkpoint).
//
// I1. take() gives every event of the log from the place on, once, in order, or throws; what came before an error is given before it.
// I2. At most about queueBytesMax bytes wait: then the connection is paused, and the server waits.
// I3. A server that says nothing for two heartbeats is given up: it is told to send one in each.
// I4. The log read is that of options.info and holds all from the place on: asked on the very connection that then reads.

import type { Connection } from 'mysql2'
import type { Clock } from '../../util/clock.ts'
import { crc32 } from '../../util/crc32.ts'
import { type Deferred, deferred } from '../../util/deferred.ts'
import { type DumpStart, startDump } from './binlog-dump.ts'
import { type ConnectionSettings, MysqlConnection } from './connection.ts'
import { EventPlace } from './event-place.ts'
import { EventType, type LogEvent, readEvent } from './log/event.ts'
import { LogSocket } from './log-socket.ts'
import type { MysqlOffset } from './offset.ts'
import { CATCH_UP_SECONDS, checkPlace, gone, isByFile } from './place.ts'
import { type ServerInfo, serverInfo, sourceFailed } from './server.ts'
import { streamError } from './stream-error.ts'

/** What a stream reads, and how. */
export interface BinlogStreamOptions {
  readonly settings: ConnectionSettings
  /** Of all readers and replicas of the server only this one may have it. */
  readonly serverId: number
  /** Where a transaction begins. */
  readonly from: MysqlOffset
  /** The server as it was known before; another one at the same address by now is an error. */
  readonly info: ServerInfo
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Default 16 MB. */
  readonly queueBytesMax?: number
}

/** What a waiting packet takes beside its bytes. */
const PACKET_OVERHEAD_BYTES = 100

/** How long a server lets a reader rest that takes nothing: a day. Its own limit, a minute, is shorter than many a checkpoint. */
const REST_SECONDS = 86_400

/** Where an event's header tells its type. */
const TYPE_AT = 4

const CHECKSUM_BYTES = 4

const KNOWN_TYPES: ReadonlySet<number> = new Set(Object.values(EventType))

/** Set in events that a reader may pass over without knowing them. */
const IGNORABLE_FLAG = 0x80

export class BinlogStream {
  readonly #options: BinlogStreamOptions
  readonly #queueBytesMax: number
  readonly #socket: LogSocket
  readonly #place: EventPlace
  readonly #begun = deferred()
  #isBegun = false
  #driver: Connection | undefined
  /** Packets in order: those of #now from #at on, then those of #later. */
  #now: Buffer[] = []
  #at = 0
  #later: Buffer[] = []
  #queueBytes = 0
  #paused = false
  #checksum: boolean
  #failure: { readonly error: unknown } | undefined
  #closed = false
  #wake: Deferred | undefined

  private constructor(options: BinlogStreamOptions) {
    const { settings, info, from, heartbeatMs, clock, queueBytesMax = 16 * 2 ** 20 } = options
    this.#options = options
    this.#queueBytesMax = queueBytesMax
    this.#checksum = info.checksum
    this.#place = new EventPlace(from, isByFile(info, from) && !info.mariadb)
    this.#socket = new LogSocket(settings, { heartbeatMs, clock, failed: (error) => this.#fail(error) })
  }

  /** Connects, makes sure that the log can be read from the place on, and begins. Throws LOG_GONE, SOURCE_FAILED. */
  static async open(options: BinlogStreamOptions): Promise<BinlogStream> {
    const stream = new BinlogStream(options)
    stream.#begin().catch((error: unknown) => stream.#fail(error))
    await stream.#begun.promise
    return stream
  }

  /** The file of the event that take() gave last; '' before the first. */
  get file(): string {
    return this.#place.file
  }

  /** Where the event that take() gave last begins in its file; exact for events that have an end, and for MariaDB's others about. */
  get pos(): number {
    return this.#place.pos
  }

  /** Where that event ends, and the next one of the file begins. */
  get next(): number {
    return this.#place.next
  }

  /** When the file was begun, in ms: MysqlOffset.created. 0 before its first event. */
  get created(): number {
    return this.#place.created
  }

  /** About how many bytes wait to be taken. */
  get queueBytes(): number {
    return this.#queueBytes
  }

  /** The next event, in order; undefined when none is there yet. Heartbeats are not given. Throws what ended the stream. */
  take(): LogEvent | undefined {
    for (;;) {
      const packet = this.#shift()
      if (packet === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error
        return undefined
      }
      const event = this.#read(packet)
      if (event.type !== EventType.heartbeat && event.type !== EventType.heartbeatV2) return event
    }
  }

  /** Resolves when take() may give something or throw, or the stream is closed. */
  available(): Promise<void> {
    if (this.#at < this.#now.length || this.#later.length > 0 || this.#failure !== undefined || this.#closed)
      return Promise.resolve()
    this.#wake ??= deferred()
    return this.#wake.promise
  }

  /** Ends the connection; take() gives nothing more. The server ends its side with its next event or heartbeat. */
  async close(): Promise<void> {
    this.#closed = true
    this.#drop()
    this.#wakeUp()
    await this.#socket.destroy()
  }

  async #begin(): Promise<void> {
    const { settings, serverId, from, info, heartbeatMs } = this.#options
    this.#socket.expect(settings.connectTimeoutMs + CATCH_UP_SECONDS * 1000 + 2 * heartbeatMs)
    const connection = await MysqlConnection.open(settings, { stream: this.#socket.socket })
    this.#driver = connection.driver
    connection.driver.on('error', (error) => this.#fail(error))
    const found = await serverInfo(connection)
    if (found.id !== info.id)
      throw sourceFailed(
        `the server at ${settings.host}:${settings.port} was ${info.id} and is now ${found.id}: places are taken anew`,
      )
    this.#checksum = found.checksum
    await checkPlace(connection, info, from)
    await connection.run(
      'SET @master_heartbeat_period = ?, @source_heartbeat_period = ?, @master_binlog_checksum = @@global.binlog_checksum',
      [heartbeatMs * 1e6, heartbeatMs * 1e6],
    )
    await connection.run('SET SESSION net_write_timeout = ?', [REST_SECONDS])
    if (this.#closed || this.#failure !== undefined) return
    startDump(connection.driver, serverId, this.#start(), {
      event: (packet) => this.#receive(packet),
      failed: (error) => this.#fail(error),
    })
  }

  #start(): DumpStart {
    const { info, from } = this.#options
    if (isByFile(info, from)) return { filename: from.file, position: from.pos }
    return { gtidSet: from.gtids ?? '' }
  }

  #receive(packet: Buffer): void {
    if (this.#failure !== undefined || this.#closed) return
    if (!this.#isBegun) {
      this.#isBegun = true
      this.#socket.watch()
      this.#begun.resolve()
    }
    this.#later.push(packet)
    this.#queueBytes += packet.length + PACKET_OVERHEAD_BYTES
    if (this.#queueBytes > this.#queueBytesMax && !this.#paused) {
      this.#paused = true
      this.#socket.rest()
      this.#driver?.pause()
    }
    if (this.#wake !== undefined) this.#wakeUp()
  }

  #shift(): Buffer | undefined {
    if (this.#at === this.#now.length) {
      if (this.#later.length === 0) return undefined
      this.#now = this.#later
      this.#later = []
      this.#at = 0
    }
    const packet = this.#now[this.#at++] as Buffer
    this.#queueBytes -= packet.length + PACKET_OVERHEAD_BYTES
    if (this.#paused && this.#queueBytes < this.#queueBytesMax / 2) {
      this.#paused = false
      this.#socket.watch()
      this.#driver?.resume()
    }
    return packet
  }

  #read(packet: Buffer): LogEvent {
    try {
      const begins = packet[TYPE_AT] === EventType.formatDescription
      if (begins) this.#checksum = this.#formatOf(packet)
      const event = readEvent(packet, this.#checksum, this.#place.file)
      this.#place.moveTo(event)
      if (begins) this.#checkCreated(event)
      this.#refuse(event)
      return event
    } catch (error) {
      this.#drop()
      this.#fail(error)
      throw this.#failure?.error ?? error
    }
  }

  /** A file's first event tells whether its events end in a CRC32; where they do not, what stands there in this one means nothing. */
  #formatOf(packet: Buffer): boolean {
    const algorithm = packet.length - CHECKSUM_BYTES - 1
    if (packet[algorithm] !== 0) return true
    // One bit flipped in the telling byte itself must not end the checks.
    const other = Buffer.from(packet)
    other[algorithm] = 1
    return crc32(other.subarray(0, -CHECKSUM_BYTES)) === other.readUInt32LE(other.length - CHECKSUM_BYTES)
  }

  /** What neither can be decoded nor may be passed over. */
  #refuse(event: LogEvent): void {
    const { type, flags } = event
    const at = `at ${this.file}:${this.pos}`
    if (type === EventType.transactionPayload)
      throw gone(
        this.#options.from,
        `the transaction ${at} is compressed, which cannot be read: SET PERSIST binlog_transaction_compression = OFF on the server first`,
      )
    if (!KNOWN_TYPES.has(type) && (flags & IGNORABLE_FLAG) === 0)
      throw sourceFailed(`the event ${at} is of type ${type}, which this release does not know and must not pass over`)
  }

  #checkCreated({ timestampMs }: LogEvent): void {
    const { from, info } = this.#options
    if (from.created === undefined || from.file !== this.file || !isByFile(info, from)) return
    if (from.created !== timestampMs)
      throw gone(
        from,
        `${from.file} was begun at ${new Date(timestampMs).toISOString()} and the place is of a file begun at ${new Date(from.created).toISOString()}: the log was reset, or an older backup was restored`,
      )
  }

  /** The first error stands, and ends everything. */
  #fail(error: unknown): void {
    if (this.#failure !== undefined || this.#closed) return
    const { settings, from } = this.#options
    this.#failure = { error: streamError(error, settings, from) }
    void this.#socket.destroy()
    this.#begun.reject(this.#failure.error)
    this.#wakeUp()
  }

  #drop(): void {
    this.#now = []
    this.#later = []
    this.#at = 0
    this.#queueBytes = 0
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.resolve()
  }
}
