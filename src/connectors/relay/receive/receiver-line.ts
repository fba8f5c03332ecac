// ReceiverLine: one connection of a sender: its streams opened, its batches put into logs, what is durable acknowledged.
//
// Owns: the streams' numbers, the order of their batches, their credit.
// Does not own: the logs (sender, stream-log), who may connect (receiver), how much is held (intake).
//
// I1. Batches reach a log in the order of their numbers, each once: a repeat is dropped and acknowledged again, a gap ends the line.
// I2. Acknowledged is what is durable, never more.
// I3. Credit grows with what is durable, by no more than the window beyond it; without room not at all. Who sends beyond it is cut off.
// I4. Behind the end of the line nothing of it is appended.

import { reasonOf } from '../../../errors.ts'
import { failpoint } from '../../../util/failpoint.ts'
import type { Line } from '../line/line.ts'
import { streamFault } from '../queue/names.ts'
import type { Batch, Hello, Message, OpenStream } from '../wire/messages.ts'
import { WireFailure } from '../wire/wire-failure.ts'
import { BATCH_COST_BYTES, type Intake } from './intake.ts'
import type { Sender } from './sender.ts'
import { StreamLog } from './stream-log.ts'
import { checkSizes, uncompressed } from './uncompress.ts'

const STREAM_NUMBERS_MAX = 1000
const NUMBER_MAX = 2 ** 48 - 2

interface OpenedStream {
  readonly number: number
  readonly log: StreamLog
  /** Not yet acknowledged: the batch, and the body bytes received up to it. */
  readonly unsettled: { readonly sequence: number; received: number }[]
  /** The next batch to come. */
  next: number
  /** Body bytes received; of those, durable; and how many may be sent. */
  received: number
  settled: number
  granted: number
}

export interface ReceiverLineOptions {
  readonly line: Line
  readonly hello: Hello
  readonly sender: Sender
  readonly intake: Intake
  /** The record codec that is read here. */
  readonly codec: string
  readonly windowBytes: number
  /** Whether there is room for more unread batches. */
  readonly hasRoom: () => boolean
  readonly opened: (log: StreamLog) => void
  readonly repeated: () => void
  readonly received: () => void
  /** A stream that could not be opened, for a reason on this side. */
  readonly failed: (error: unknown) => void
}

export class ReceiverLine {
  readonly line: Line
  /** What it began with. */
  readonly hello: Hello
  readonly #options: ReceiverLineOptions
  readonly #streams = new Map<number, OpenedStream | 'opening'>()
  readonly #byLog = new Map<StreamLog, OpenedStream>()
  /** To be acknowledged when the socket has room. */
  readonly #owed = new Set<OpenedStream>()
  #isFull = false
  #closed = false

  constructor(options: ReceiverLineOptions) {
    this.#options = options
    this.line = options.line
    this.hello = options.hello
    this.line.onFrame = (message, body) => this.#take(message, body)
    void this.line.closed.then(() => {
      this.#closed = true
    })
  }

  close(code: string, reason: string): void {
    this.#closed = true
    this.line.close(code, reason)
  }

  /** More of a log is durable. */
  durable(log: StreamLog): void {
    const stream = this.#byLog.get(log)
    if (stream !== undefined) this.#settle(stream)
  }

  /** There is room again. */
  grant(): void {
    for (const stream of this.#byLog.values()) {
      if (this.#creditOf(stream) > stream.granted) this.#acknowledge(stream)
    }
  }

  #take(message: Message, body: Buffer): void {
    if (this.#closed) return
    if (message.kind === 'openStream') void this.#open(message)
    else if (message.kind === 'batch') this.#accept(message, body)
    else throw new WireFailure('PROTOCOL', `a sender does not send ${message.kind}`)
  }

  async #open(open: OpenStream): Promise<void> {
    const { stream: number, name } = open
    try {
      this.#checkOpening(open)
      this.#streams.set(number, 'opening')
      const stream =
        this.#options.codec === open.codec
          ? await this.#options.sender.openStream(open, this.hello)
          : this.#otherCodec(open)
      if (this.#closed) return
      if (!(stream instanceof StreamLog)) {
        // What heals is the line's matter: it is dialled again.
        if (stream.code === 'BUSY') return this.close(stream.code, stream.reason)
        this.#streams.delete(number)
        this.line.send({ kind: 'streamRefused', stream: number, ...stream })
        return
      }
      if (this.#byLog.has(stream)) throw new WireFailure('PROTOCOL', `stream "${name}" is opened twice`)
      this.#opened(number, stream)
    } catch (error) {
      if (error instanceof WireFailure) return this.close(error.code, error.reason)
      this.close('BUSY', `stream "${name}" cannot be opened: ${reasonOf(error)}`)
      this.#options.failed(error)
    }
  }

  #checkOpening({ stream, name, first, next, acked, common }: OpenStream): void {
    const fault = streamFault(name)
    if (fault !== undefined) throw new WireFailure('PROTOCOL', fault)
    if (stream === 0 || this.#streams.has(stream))
      throw new WireFailure('PROTOCOL', `stream ${stream} cannot be opened`)
    if (this.#streams.size >= STREAM_NUMBERS_MAX)
      throw new WireFailure('LIMIT', `a line has at most ${STREAM_NUMBERS_MAX} streams`)
    if (first > next || acked > next || common > next || next > NUMBER_MAX)
      throw new WireFailure(
        'PROTOCOL',
        `stream "${name}" cannot have batches ${first} to ${next}, acknowledged to ${acked}`,
      )
  }

  #otherCodec({ name, codec }: OpenStream): { code: string; reason: string } {
    return { code: 'CODEC', reason: `stream "${name}" is written with ${codec}, and read with ${this.#options.codec}` }
  }

  #opened(number: number, log: StreamLog): void {
    // Durable, all of it: the sender takes it for acknowledged.
    const { next } = log
    const stream: OpenedStream = {
      number,
      log,
      unsettled: [],
      next,
      received: 0,
      settled: 0,
      granted: 0,
    }
    stream.granted = this.#creditOf(stream)
    this.#streams.set(number, stream)
    this.#byLog.set(log, stream)
    this.line.send({ kind: 'streamOpened', stream: number, next, credit: stream.granted })
    this.#options.opened(log)
  }

  #accept(batch: Batch, body: Buffer): void {
    const stream = this.#streams.get(batch.stream)
    if (stream === undefined || stream === 'opening')
      throw new WireFailure('PROTOCOL', `a batch comes on stream ${batch.stream}, which is not open`)
    this.#check(stream, batch, body)
    stream.received += body.length
    if (batch.sequence < stream.next) return this.#repeated(stream)
    stream.next += 1
    stream.unsettled.push({ sequence: batch.sequence, received: stream.received })
    this.#options.received()
    this.#options.intake.add({
      bodyBytes: body.length,
      plainBytes: batch.plainBytes,
      take: () => this.#store(stream.log, batch, body),
    })
  }

  /** Its bytes are given back with those of the last batch before it. */
  #repeated(stream: OpenedStream): void {
    this.#options.repeated()
    const last = stream.unsettled.at(-1)
    if (last !== undefined) {
      last.received = stream.received
      return
    }
    stream.settled = stream.received
    this.#acknowledge(stream)
  }

  #check(stream: OpenedStream, batch: Batch, body: Buffer): void {
    const { sequence, firstRecord, count, atMs } = batch
    if (sequence > stream.next)
      throw new WireFailure('PROTOCOL', `batch ${sequence} of stream ${batch.stream} comes, and ${stream.next} was to`)
    if (stream.received >= stream.granted)
      throw new WireFailure('LIMIT', `batch ${sequence} of stream ${batch.stream} comes without credit`)
    if (sequence > NUMBER_MAX || count === 0 || firstRecord + count > NUMBER_MAX || atMs > NUMBER_MAX)
      throw new WireFailure('PROTOCOL', `batch ${sequence} of stream ${batch.stream} has numbers that cannot be`)
    checkSizes(batch, body, this.line.limits.plainBytesMax)
  }

  /** Uncompresses a batch and puts it into its log; if that is not to be, its bytes are given up. */
  #store(log: StreamLog, batch: Batch, body: Buffer): void {
    try {
      if (!this.#closed && this.#append(log, batch, uncompressed(batch, body))) return
    } catch (error) {
      if (error instanceof WireFailure) this.close(error.code, error.reason)
      else this.#options.failed(error)
    }
    this.#options.intake.release(batch.plainBytes + BATCH_COST_BYTES)
  }

  /** False if the log does not take it. */
  #append(log: StreamLog, { sequence, firstRecord, count, atMs }: Batch, records: Uint8Array): boolean {
    // The connection before this one may have brought it, while this one was opened.
    if (!log.takesBatches || sequence < log.appended) return false
    if (sequence > log.appended) {
      this.close('BUSY', `batch ${log.appended} of stream "${log.facts.name}" is wanted again`)
      return false
    }
    log.append({ firstRecord, count, atMs, records })
    return true
  }

  /** Counts what has become durable, and says so. */
  #settle(stream: OpenedStream): void {
    const { unsettled, log } = stream
    let count = 0
    for (const { sequence, received } of unsettled) {
      if (sequence >= log.next) break
      stream.settled = received
      count += 1
    }
    if (count === 0) return
    unsettled.splice(0, count)
    this.#acknowledge(stream)
  }

  #acknowledge(stream: OpenedStream): void {
    if (this.#closed) return
    if (this.#isFull) {
      this.#owed.add(stream)
      return
    }
    stream.granted = this.#creditOf(stream)
    failpoint('relay.ack.before')
    const { number, log, granted } = stream
    if (this.line.send({ kind: 'ack', stream: number, next: log.next, credit: granted })) return
    this.#isFull = true
    void this.line.drained().then(() => {
      this.#isFull = false
      const owed = [...this.#owed]
      this.#owed.clear()
      for (const one of owed) this.#acknowledge(one)
    })
  }

  #creditOf({ settled, granted }: OpenedStream): number {
    return this.#options.hasRoom() ? Math.max(granted, settled + this.#options.windowBytes) : granted
  }
}
