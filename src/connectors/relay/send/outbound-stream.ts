// OutboundStream: one stream of a sender: its open batch, its log, how much of it is published, and how much each target has.
//
// Owns: the log's folder, the numbers of batches and records.
// Does not own: when an epoch ends (outbox), how batches reach a target (cursor).
//
// I1. A batch below `published` is durable, in a complete checkpoint, and never changes; nothing else is sent.
// I2. Batches that some target has not acknowledged are never given up.
// I3. What a target has never goes back while this object lives.

import { SegmentLog } from '../../../log/segment-log.ts'
import { present } from '../../../util/assert.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { encodeEntry } from '../queue/entry.ts'
import { RecordPacker, type RecordPackerOptions } from './record-packer.ts'
import type { StreamPosition } from './sender-identity.ts'

/** What a target has of a stream: batches before `next`, records before `record`. */
export interface Kept {
  readonly next: number
  readonly record: number
  /** The receiver has said so, to this incarnation. */
  readonly isAcked: boolean
}

export interface OutboundStreamOptions<T> extends Omit<RecordPackerOptions<T>, 'packed'> {
  readonly directory: string
  readonly segmentBytes: number
  readonly targets: number
  readonly now: () => number
}

/** Of what is appended but not given to the file system, in one stream: beyond half of it, it is given. */
const BUFFER_BYTES_MAX = 1 << 15
/** Acknowledged batches of a stream that lags are given up so many at a time. */
const TRUNCATE_BATCHES = 16

export class OutboundStream<T> {
  readonly name: string
  readonly directory: string
  readonly #log: SegmentLog
  readonly #packer: RecordPacker<T>
  readonly #now: () => number
  /** By target. */
  readonly #kept: Kept[]
  #nextRecord = 0
  #published = 0
  #publishedRecords = 0
  #truncatedTo = 0
  #isTruncating = false

  private constructor(options: OutboundStreamOptions<T>, log: SegmentLog) {
    this.name = options.stream
    this.directory = options.directory
    this.#log = log
    this.#now = options.now
    this.#packer = new RecordPacker({ ...options, packed: (records, count) => this.#append(records, count) })
    this.#kept = Array.from({ length: options.targets }, () => ({ next: log.firstSequence, record: 0, isAcked: false }))
  }

  /** Throws LOG_CORRUPT, IO. */
  static async open<T>(options: OutboundStreamOptions<T>): Promise<OutboundStream<T>> {
    const { directory, segmentBytes } = options
    const log = await SegmentLog.open(directory, { segmentBytes, bufferBytesMax: BUFFER_BYTES_MAX })
    return new OutboundStream(options, log)
  }

  /** The oldest batch that is still here. */
  get first(): number {
    return this.#log.firstSequence
  }

  /** The batch that is written next. */
  get next(): number {
    return this.#log.nextSequence
  }

  /** Batches below may be sent. */
  get published(): number {
    return this.#published
  }

  get publishedRecords(): number {
    return this.#publishedRecords
  }

  /** Whether sync() has something to do. */
  get isDirty(): boolean {
    return !this.#packer.isEmpty || this.#log.durableSequence < this.#log.nextSequence
  }

  /** About how many bytes the open batch has. */
  get openBytes(): number {
    return this.#packer.openBytes
  }

  /** What to wait for before more is written; undefined: nothing. Throws IO. */
  ready(): Promise<void> | undefined {
    return this.#log.ready()
  }

  /** The open batch may stay open: it holds no more memory than its own. */
  keep(): void {
    this.#packer.keep()
  }

  /** Closes the open batch. Throws RELAY_RECORD, IO. */
  closeBatch(): void {
    this.#packer.close()
  }

  /** About how many bytes some target does not have. */
  get heldBytes(): number {
    return this.#log.bytesFrom(this.keptByAll)
  }

  /** Batches below are with every target. */
  get keptByAll(): number {
    let least = this.#kept[0]?.next ?? 0
    for (const { next } of this.#kept) if (next < least) least = next
    return least
  }

  kept(target: number): Kept {
    return present(this.#kept[target], 'a target')
  }

  /** About how many bytes a target does not have. */
  backlogBytes(target: number): number {
    const { next } = this.kept(target)
    return next >= this.#published ? 0 : this.#log.bytesFrom(next) - this.#log.bytesFrom(this.#published)
  }

  /** Throws RELAY_RECORD, IO. */
  write(records: readonly T[]): void {
    this.#packer.add(records)
  }

  /** Closes the open batch and makes all durable. Throws RELAY_RECORD, IO. */
  async sync(): Promise<void> {
    this.#packer.close()
    await this.#log.sync()
  }

  /** As of the batches closed. */
  get position(): StreamPosition {
    return [this.name, this.#log.nextSequence, this.#nextRecord]
  }

  /** Cuts back to a position, which is published from here on. False if the log ends before it. Throws LOG_CORRUPT, IO. */
  async restore([, next, record]: StreamPosition): Promise<boolean> {
    if (next > this.#log.nextSequence) return false
    if (next < this.#log.nextSequence) await this.#log.truncateAfter(next - 1)
    this.#nextRecord = record
    this.#truncatedTo = this.#log.firstSequence
    // The log may have been cut back to before what was its oldest batch.
    this.#kept.fill({ next: this.#log.firstSequence, record: 0, isAcked: false })
    this.publish(next, record)
    return true
  }

  publish(next: number, record: number): void {
    if (next < this.#published) return
    this.#published = next
    this.#publishedRecords = record
  }

  /** What a target is known to have, from before this opening. Batches that are given up were with all, whether that was noted or not. */
  remember(target: number, { next, record, isAcked }: Kept): void {
    const from = Math.min(Math.max(next, this.#log.firstSequence), this.#published)
    this.#kept[target] = { next: from, record, isAcked }
  }

  /** A target has more. */
  acknowledge(target: number, next: number, record: number): void {
    this.#kept[target] = { next, record, isAcked: true }
  }

  /** Gives up what every target has, now and then. Throws IO. */
  async truncate(): Promise<void> {
    const least = this.keptByAll
    const isDue = least === this.#published ? least > this.#truncatedTo : least >= this.#truncatedTo + TRUNCATE_BATCHES
    if (!isDue || this.#isTruncating) return
    this.#isTruncating = true
    try {
      await this.#log.truncateBefore(least)
      failpoint('relay.truncate.after')
      this.#truncatedTo = least
    } finally {
      this.#isTruncating = false
    }
  }

  async close(): Promise<void> {
    try {
      await this.#log.close()
    } catch (error) {
      // What broke it was thrown already, by what met it first.
      if (!this.#log.failed) throw error
    }
  }

  #append(records: Uint8Array, count: number): void {
    this.#log.appendOwned(encodeEntry({ firstRecord: this.#nextRecord, count, atMs: this.#now(), records }))
    this.#nextRecord += count
  }
}
