// Where pushed records wait until the job takes them: in memory, or in a log on disk. One producer, one consumer.

import { join } from 'node:path'
import type { ValueCodec } from '../codec/value-codec.ts'
import { MillraceError, reasonOf } from '../errors.ts'
import { SegmentLog } from '../log/segment-log.ts'
import { present } from '../util/assert.ts'

/** Records numbered in the order pushed. `position` is the number of the first record wanted. */
export interface PushQueue<T> {
  open(position: number | undefined): Promise<void>
  /** Throws SOURCE_FAILED when the bound is reached: what pushes cannot be slowed down, and nothing is dropped. */
  push(value: T): void
  /** Those that may be given to the job now, `limit` at most. */
  take(position: number, limit: number): readonly T[] | Promise<readonly T[]>
  /** The first record there is. */
  readonly first: number
  /** Is there nothing more to take from `position` on, and nothing on its way? */
  isDrained(position: number): boolean
  /** Records before `position` are not asked for again. */
  release(position: number): void | Promise<void>
  close(): void | Promise<void>
}

/** In memory: what was not taken is gone with the process. */
export class MemoryPushQueue<T> implements PushQueue<T> {
  readonly #node: string
  readonly #recordsMax: number
  readonly #wake: () => void
  #values: T[] = []

  constructor(node: string, recordsMax: number, wake: () => void) {
    this.#node = node
    this.#recordsMax = recordsMax
    this.#wake = wake
  }

  readonly first = 0

  async open(): Promise<void> {}

  push(value: T): void {
    if (this.#values.length >= this.#recordsMax) throw full(this.#node, `${this.#recordsMax} records (recordsMax)`)
    this.#values.push(value)
    if (this.#values.length === 1) this.#wake()
  }

  take(_position: number, limit: number): readonly T[] {
    return this.#values.splice(0, limit)
  }

  isDrained(): boolean {
    return this.#values.length === 0
  }

  release(): void {}

  close(): void {
    this.#values = []
  }
}

export interface LogQueueOptions<T> {
  readonly node: string
  readonly directory: string
  readonly codec: ValueCodec<T>
  /** The log's size beyond which push() refuses. */
  readonly bytesMax: number
  readonly wake: () => void
}

// What a synchronous burst may hold in memory before the disk has had its turn.
const BUFFER_BYTES_MAX = 64 << 20
// Records kept in memory as well, so that a job that keeps up never reads the disk.
const TAIL_RECORDS_MAX = 8_192

/**
 * In a segment log: a record is given to the job once it is durable, so that no checkpoint holds a position that a crash could
 * take back. The job gets what the codec makes of it, the same before and after a crash.
 */
export class LogPushQueue<T> implements PushQueue<T> {
  readonly #options: LogQueueOptions<T>
  #log: SegmentLog | undefined
  /** Records below are durable. */
  #durable = 0
  /** Payloads of the records from #tailStart on. */
  #tail: Uint8Array[] = []
  #tailStart = 0
  #syncing = false
  #failure: { readonly error: unknown } | undefined

  constructor(options: LogQueueOptions<T>) {
    this.#options = options
  }

  get first(): number {
    return this.#opened.firstSequence
  }

  async open(position: number | undefined): Promise<void> {
    const { directory, bytesMax, node } = this.#options
    this.#log = await SegmentLog.open(join(directory, 'log'), { bytesMax, bufferBytesMax: BUFFER_BYTES_MAX })
    this.#durable = this.#log.nextSequence
    this.#tailStart = this.#log.nextSequence
    if (position === undefined || (position >= this.first && position <= this.#durable)) return
    const kept = `its log holds records ${this.first} to before ${this.#durable}`
    const reason = `the checkpoint is at record ${position} and ${kept}: raise log.keepCheckpoints to go back further`
    throw new MillraceError('SOURCE_FAILED', { node, reason })
  }

  push(value: T): void {
    const log = this.#opened
    const room = log.ready()
    if (room !== undefined) {
      // Nobody waits for it: that the log broke is told by sync().
      room.catch(() => {})
      throw full(this.#options.node, `${log.bytes} bytes of log (log.bytesMax)`)
    }
    const payload = this.#options.codec.encode(value)
    const sequence = log.append(payload)
    if (this.#tail.length >= TAIL_RECORDS_MAX) {
      // The job lags: it will read from the disk until it is back at the tail.
      this.#tail = []
      this.#tailStart = sequence
    }
    this.#tail.push(payload)
    this.#sync()
  }

  take(position: number, limit: number): readonly T[] | Promise<readonly T[]> {
    if (this.#failure !== undefined) throw this.#failure.error
    const count = Math.min(limit, this.#durable - position)
    if (count <= 0) return []
    if (position < this.#tailStart) return this.#read(position, Math.min(count, this.#tailStart - position))
    const payloads = this.#tail.slice(position - this.#tailStart, position - this.#tailStart + count)
    this.#tail.splice(0, position - this.#tailStart + count)
    this.#tailStart = position + count
    return payloads.map((payload) => this.#options.codec.decode(payload))
  }

  isDrained(position: number): boolean {
    return position >= this.#opened.nextSequence
  }

  release(position: number): Promise<void> {
    return this.#opened.truncateBefore(position)
  }

  async close(): Promise<void> {
    await this.#log?.close()
  }

  get #opened(): SegmentLog {
    return present(this.#log, 'the log of a push source')
  }

  async #read(position: number, count: number): Promise<readonly T[]> {
    const values: T[] = []
    for await (const { payload } of this.#opened.readFrom(position)) {
      values.push(this.#options.codec.decode(payload))
      if (values.length >= count) break
    }
    return values
  }

  /** One sync at a time; each takes all that was pushed before it. */
  #sync(): void {
    if (this.#syncing) return
    this.#syncing = true
    const log = this.#opened
    const upTo = log.nextSequence
    log.sync().then(
      () => {
        this.#durable = upTo
        this.#syncing = false
        if (log.nextSequence > upTo) this.#sync()
        this.#options.wake()
      },
      (error: unknown) => {
        this.#failure = { error: new MillraceError('SOURCE_FAILED', this.#details(error), error) }
        this.#options.wake()
      },
    )
  }

  #details(error: unknown): { node: string; reason: string } {
    return { node: this.#options.node, reason: `its log failed: ${reasonOf(error)}` }
  }
}

function full(node: string, bound: string): MillraceError {
  const reason = `it pushes faster than the job takes: ${bound} wait already. Raise the bound, or make the job faster`
  return new MillraceError('SOURCE_FAILED', { node, reason })
}
