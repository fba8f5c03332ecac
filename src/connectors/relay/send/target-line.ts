// TargetLine: one connection to a target: its streams opened, batches sent in turn, acknowledgements taken.
//
// Owns: whose turn it is; batches between the logs and the socket, a few.
// Does not own: the connection's making (target), what is sent (cursor), whether it is compressed (compression).
//
// I1. Of streams that have something to send and credit, each sends one batch in its turn (of many: about as much as one has).
// I2. A batch goes to the socket only when what was sent before has left it, but for what the socket takes.
// I3. After the end of the line nothing is taken any more.

import { present } from '../../../util/assert.ts'
import type { Clock } from '../../../util/clock.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import type { LineEnd } from '../line/frame-socket.ts'
import type { Line } from '../line/line.ts'
import { LineFailure } from '../line/line-failure.ts'
import type { Batch, Message } from '../wire/messages.ts'
import { isFatal } from '../wire/refusals.ts'
import type { CompressionChoice } from './compression.ts'
import type { Cursor, Outgoing } from './cursor.ts'
import type { Compress } from './snappy.ts'

export interface TargetLineOptions {
  readonly line: Line
  readonly codec: string
  readonly clock: Clock
  /** Of the target, in a fixed order; more may come up. */
  readonly cursors: readonly Cursor[]
  /** Up to where a stream is the same in the incarnation that the receiver had before. */
  readonly commonOf: (stream: string) => number
  /** Undefined: plain. */
  readonly compress: Compress | undefined
  readonly choice: CompressionChoice
  /** `always`: whatever is measured. */
  readonly always: boolean
  readonly sent: (isResent: boolean) => void
  /** The receiver has more of a stream, or has said what it has. */
  readonly acked: (cursor: Cursor) => void
  readonly opened: (cursor: Cursor) => void
}

const READ_BYTES = 1 << 20
/** With more streams than these their logs are opened for each turn, and what was read is sent in that turn, about a batch of usual size. */
const FEW_STREAMS = 4
const READ_BYTES_OF_MANY = 1 << 18
/** Smaller ones are not worth it. */
const COMPRESS_BYTES_MIN = 512
/** What a frame of a batch has beside its body, at most. */
const FRAME_HEADER_BYTES = 512
interface Packed {
  readonly cursor: Cursor
  readonly batch: Outgoing
  readonly body: Uint8Array
  readonly compression: string
}

export class TargetLine {
  readonly #options: TargetLineOptions
  readonly #line: Line
  readonly #byNumber = new Map<number, Cursor>()
  #turn = 0
  #end: LineEnd | undefined
  #failure: LineFailure | undefined
  #woken: Deferred | undefined
  /** How often wake() was called. */
  #wakes = 0

  /** Sets the line's onFrame. */
  constructor(options: TargetLineOptions) {
    this.#options = options
    this.#line = options.line
    this.#line.onFrame = (message) => this.#take(message)
    void this.#line.closed.then((end) => {
      this.#end = end
      this.wake()
    })
  }

  /** There may be something to send. */
  wake(): void {
    this.#wakes += 1
    this.#woken?.resolve()
    this.#woken = undefined
  }

  /** Ends the line. */
  end(): void {
    this.#line.close()
  }

  /** Sends until the line ends; returns why. Throws LOG_CORRUPT, IO of the queue. */
  async run(): Promise<LineFailure> {
    try {
      while (this.#end === undefined) {
        const wakes = this.#wakes
        if (!(await this.#openNew()) && !(await this.#sendNext())) await this.#idle(wakes)
      }
    } finally {
      this.#line.close()
    }
    const { code = '', reason } = this.#end
    return this.#failure ?? new LineFailure(code || 'ENDED', `${this.#line.peer.address}: ${reason}`, isFatal(code))
  }

  /** Opens a stream that is not open on this connection; false if there is none. */
  async #openNew(): Promise<boolean> {
    const cursor = this.#options.cursors[this.#byNumber.size]
    if (cursor === undefined) return false
    const { stream } = cursor
    const number = this.#byNumber.size + 1
    cursor.number = number
    this.#byNumber.set(number, cursor)
    const { next: kept, isAcked } = cursor.kept
    await this.#send({
      kind: 'openStream',
      stream: number,
      name: stream.name,
      codec: this.#options.codec,
      first: isAcked ? stream.first : Math.max(stream.first, kept),
      next: stream.published,
      acked: isAcked ? kept : 0,
      common: Math.min(this.#options.commonOf(stream.name), stream.published),
    })
    return true
  }

  /** Sends a batch of the stream whose turn it is; false if there is none. */
  async #sendNext(): Promise<boolean> {
    const cursor = this.#nextReady()
    if (cursor === undefined) return false
    await this.#sendBatch(this.#pack(cursor, cursor.take() ?? (await this.#readAhead(cursor))))
    return true
  }

  #nextReady(): Cursor | undefined {
    const { cursors } = this.#options
    const last = cursors[this.#turn - 1]
    if (this.#areMany && last?.isAhead && last.isReady) return last
    for (let i = 0; i < cursors.length; i += 1) {
      const at = (this.#turn + i) % cursors.length
      const cursor = cursors[at] as Cursor
      if (!cursor.isReady) continue
      this.#turn = at + 1
      return cursor
    }
    return undefined
  }

  async #readAhead(cursor: Cursor): Promise<Outgoing> {
    await cursor.read(this.#areMany ? READ_BYTES_OF_MANY : READ_BYTES)
    // A reader keeps what it has read last.
    if (this.#areMany) await cursor.close()
    return present(cursor.take(), 'a batch that is published')
  }

  get #areMany(): boolean {
    return this.#options.cursors.length > FEW_STREAMS
  }

  #pack(cursor: Cursor, batch: Outgoing): Packed {
    const { compress, choice, always } = this.#options
    const { records } = batch
    const plain: Packed = { cursor, batch, body: records, compression: '' }
    if (compress === undefined || records.length < COMPRESS_BYTES_MIN) return plain
    return always || choice.next() ? this.#compress(plain, compress) : plain
  }

  #compress(plain: Packed, compress: Compress): Packed {
    const { clock, choice } = this.#options
    const startedAt = clock.monotonic()
    const body = compress(plain.body)
    choice.compressed(plain.body.length, body.length, clock.monotonic() - startedAt)
    return body.length < plain.body.length ? { ...plain, body, compression: 'snappy' } : plain
  }

  async #sendBatch({ cursor, batch, body, compression }: Packed): Promise<void> {
    const { clock, sent, choice } = this.#options
    // Opened on this connection, or there would be no credit.
    const message: Batch = {
      kind: 'batch',
      stream: cursor.number ?? 0,
      sequence: batch.sequence,
      firstRecord: batch.firstRecord,
      count: batch.count,
      atMs: batch.atMs,
      compression,
      plainBytes: batch.records.length,
    }
    if (this.#end !== undefined || this.#isTooLarge(cursor, batch, body)) return
    cursor.sentBytes += body.length
    sent(cursor.goes(batch))
    await this.#send(message, body)
    choice.sent(batch.records.length, this.#line.traffic, clock.monotonic())
  }

  /** The receiver may be told to take more; until then nothing goes on. */
  #isTooLarge(cursor: Cursor, batch: Outgoing, body: Uint8Array): boolean {
    const { frameBytesMax, plainBytesMax } = this.#line.limits
    const isTooLarge = batch.records.length > plainBytesMax || body.length + FRAME_HEADER_BYTES > frameBytesMax
    if (isTooLarge) {
      const name = `batch ${batch.sequence} of stream "${cursor.stream.name}"`
      const limits = `frames of ${frameBytesMax} and batches of ${plainBytesMax}`
      this.#give(new LineFailure('LIMIT', `${name} has ${batch.records.length} bytes; the receiver takes ${limits}`))
    }
    return isTooLarge
  }

  async #send(message: Message, body?: Uint8Array): Promise<void> {
    if (!this.#line.send(message, body)) await this.#line.drained()
  }

  async #idle(wakes: number): Promise<void> {
    if (this.#end !== undefined || this.#wakes !== wakes) return
    this.#woken ??= deferred()
    await this.#woken.promise
  }

  #give(failure: LineFailure): void {
    this.#failure ??= failure
    this.#line.close()
  }

  #take(message: Message): void {
    if (message.kind === 'streamOpened') {
      const cursor = this.#cursorOf(message.stream)
      if (cursor.isOpen) throw new Error(`stream ${message.stream} is opened again`)
      this.#opened(cursor, message.next, message.credit)
    } else if (message.kind === 'ack') {
      const cursor = this.#cursorOf(message.stream)
      cursor.acknowledge(message.next, message.credit)
      this.#options.acked(cursor)
    } else if (message.kind === 'streamRefused') {
      const { name } = this.#cursorOf(message.stream).stream
      this.#give(new LineFailure(message.code, `stream "${name}": ${message.reason}`, isFatal(message.code)))
    } else throw new Error(`a receiver does not send ${message.kind}`)
    this.wake()
  }

  /** What the receiver wants must be here, and behind what it acknowledged. */
  #opened(cursor: Cursor, next: number, credit: number): void {
    const { stream, kept } = cursor
    const fatal = (code: string, reason: string): void =>
      this.#give(new LineFailure(code, `stream "${stream.name}": ${reason}`, true))
    if (next > stream.published) return fatal('PAST_END', `it has ${next} batches, and here are ${stream.published}`)
    if (kept.isAcked && next < kept.next)
      return fatal(
        'FORGOTTEN',
        `it wants batch ${next} and had acknowledged all before ${kept.next}: its queue is lost`,
      )
    if (next < stream.first) return fatal('FORGOTTEN', `it wants batch ${next}, and the oldest here is ${stream.first}`)
    cursor.open(next, credit)
    this.#options.opened(cursor)
  }

  #cursorOf(number: number): Cursor {
    const cursor = this.#byNumber.get(number)
    if (cursor === undefined) throw new Error(`there is no stream ${number}`)
    return cursor
  }
}
