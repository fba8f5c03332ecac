// StreamLog: the batches of one stream of one incarnation of a sender, on disk.
//
// Owns: its SegmentLog, when it is synced, and opening it again after the disk failed.
// Does not own: who sends (receiver-line), who reads (readers, by files), what may be given up (retention).
//
// I1. A batch has the sender's number: the log's next number is the next batch wanted, and nothing else is ever appended.
// I2. `next` counts what is durable; only that is acknowledged and read. It never goes back.
// I3. One fsync serves all that was appended before it began; while one runs, the next gathers.
// I4. After the disk failed nothing is appended until the log was opened again, which tells what the disk holds.
// I5. Once ended it takes no batch; its length stays.

import { isMillraceError, MillraceError, reasonOf } from '../../../errors.ts'
import { SegmentLog } from '../../../log/segment-log.ts'
import { assert } from '../../../util/assert.ts'
import type { Clock } from '../../../util/clock.ts'
import { failpoint } from '../../../util/failpoint.ts'
import type { FileSystem } from '../../../util/file-system.ts'
import { type BatchEntry, decodeEntry, encodeEntry, encodeEntryHeader } from '../queue/entry.ts'
import { BATCH_COST_BYTES } from './intake.ts'

/** A truncation gives whole segments back: small enough that many idle streams keep little. */
const SEGMENT_BYTES = 16 << 20
/** Of records that are not copied on their way to the log. */
const KEPT_BYTES_MIN = 16 << 10
const REOPEN_FIRST_MS = 200
const REOPEN_MAX_MS = 10_000

/** What a stream was made with; durable beside its log. */
export interface StreamFacts {
  readonly name: string
  /** What its records are written with. */
  readonly codec: string
  /** The first batch there ever was here. */
  readonly origin: number
}

/** Where a stream belongs. */
export interface StreamPlace {
  readonly sender: string
  /** How many incarnations of the sender there were before. */
  readonly generation: number
  /** Which incarnation this is. */
  readonly tag: string
  /** Of its log, below the store's. */
  readonly folder: string
  readonly path: string
}

/** What is told of a stream's log. */
export interface StreamListener {
  /** More is durable, or the log has ended: `released` bytes do not wait for the disk any more. */
  durable(stream: StreamLog, released: number): void
  /** The disk failed: batches that were not durable are given up here, and come again. */
  failed(stream: StreamLog, error: unknown, released: number): void
  /** What no reopening mends: damage, or a bug. */
  broken(error: unknown): void
}

export interface StreamTools {
  readonly clock: Clock
  readonly fileSystem: FileSystem
  readonly listener: StreamListener
}

export class StreamLog {
  /** Unique within the source, the same for ever. */
  readonly id: string
  readonly place: StreamPlace
  readonly facts: StreamFacts
  readonly #tools: StreamTools
  #log: SegmentLog | undefined
  #next = 0
  #records = 0
  #appendedRecords = 0
  /** Of batches appended and not durable: plain bytes, and what each costs beside. */
  #waitingBytes = 0
  #syncing: Promise<void> | undefined
  #reopenMs = REOPEN_FIRST_MS
  #cancelReopen: (() => void) | undefined
  #trouble: string | undefined
  #ending = false
  #finishing: Promise<void> | undefined
  #isEnded = false
  #closed = false
  /** Of an ended log. */
  #kept = { first: 0, bytes: 0 }

  constructor(place: StreamPlace, facts: StreamFacts, tools: StreamTools) {
    this.id = `${place.sender}#${place.generation}.${place.tag}/${facts.name}`
    this.place = place
    this.facts = facts
    this.#tools = tools
  }

  /** Finds or makes the log. Throws LOG_CORRUPT, IO. */
  async open(): Promise<void> {
    const log = await SegmentLog.open(this.place.path, {
      first: this.facts.origin,
      segmentBytes: SEGMENT_BYTES,
      fileSystem: this.#tools.fileSystem,
    })
    try {
      const { nextSequence: next } = log
      if (next < this.#next) throw this.#shortened(next)
      this.#records = await recordsBefore(log, this.#records)
      this.#appendedRecords = this.#records
      this.#next = next
      this.#log = log
    } catch (error) {
      await log.close()
      throw error
    }
  }

  /** Batches below are durable. */
  get next(): number {
    return this.#next
  }

  /** The number of the next record, behind the durable batches; 0 as long as no batch came. */
  get records(): number {
    return this.#records
  }

  /** The oldest batch kept. */
  get first(): number {
    return this.#log?.firstSequence ?? this.#kept.first
  }

  /** The next batch that append() takes. */
  get appended(): number {
    return this.#log?.nextSequence ?? this.#next
  }

  /** Why nothing can be appended now; undefined if all is well. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Whether append() is allowed. */
  get takesBatches(): boolean {
    return this.#log !== undefined && this.#trouble === undefined && !this.#ending
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Bytes on the disk. */
  get bytes(): number {
    return this.#log?.bytes ?? this.#kept.bytes
  }

  /** About how many of them are of batches from `sequence` on. */
  bytesFrom(sequence: number): number {
    if (this.#log !== undefined) return this.#log.bytesFrom(sequence)
    const { first, bytes } = this.#kept
    return this.#next <= first ? 0 : (bytes * (this.#next - Math.min(this.#next, sequence))) / (this.#next - first)
  }

  /** Adds batch `appended`, to be durable soon; its records must not be changed any more. Only while it takes batches. */
  append(entry: BatchEntry): void {
    const log = this.#log
    assert(log !== undefined && this.takesBatches, `${this.id} takes no batch now`)
    // Small ones are copied: they may be views of much more that came with them.
    if (entry.records.length < KEPT_BYTES_MIN) log.appendOwned(encodeEntry(entry))
    else log.appendOwned(encodeEntryHeader(entry), entry.records)
    this.#appendedRecords = entry.firstRecord + entry.count
    this.#waitingBytes += entry.records.length + BATCH_COST_BYTES
    this.#syncing ??= this.#syncSoon(log)
  }

  /** Waits until all that was appended is durable; false if the disk fails. */
  async settled(): Promise<boolean> {
    await this.#syncing
    return this.takesBatches && this.#next === this.appended
  }

  /** Gives up batches before `sequence`, as far as whole segments hold nothing else. */
  async truncateBefore(sequence: number): Promise<void> {
    const log = this.#log
    if (log === undefined || this.#trouble !== undefined || sequence <= log.firstSequence) return
    try {
      await log.truncateBefore(sequence)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** No batch comes any more: what was appended is made durable, if need be after the disk is well again; then the listener is told. */
  end(): void {
    if (this.#ending) return
    this.#ending = true
    if (this.#trouble === undefined) this.#finishing = this.#finish()
  }

  /** After end(): whether its length is known now; false if the disk fails. */
  async ended(): Promise<boolean> {
    await this.#finishing
    return this.#isEnded
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelReopen?.()
    await this.#syncing
    await this.#letGo()
  }

  async #syncSoon(log: SegmentLog): Promise<void> {
    // What else comes in this turn of the loop shares the fsync.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (!this.#closed && this.#trouble === undefined && this.#next < log.nextSequence) await this.#sync(log)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#syncing = undefined
    }
  }

  async #sync(log: SegmentLog): Promise<void> {
    const next = log.nextSequence
    const records = this.#appendedRecords
    const bytes = this.#waitingBytes
    await log.sync()
    failpoint('relay.receive.synced')
    this.#next = next
    this.#records = records
    this.#waitingBytes -= bytes
    this.#reopenMs = REOPEN_FIRST_MS
    this.#tools.listener.durable(this, bytes)
  }

  async #finish(): Promise<void> {
    await this.#syncing
    const log = this.#log
    // If that failed, it ends when it is open again.
    if (log === undefined || this.#closed || this.#trouble !== undefined) return
    try {
      this.#kept = { first: log.firstSequence, bytes: log.bytes }
      await log.close()
    } catch (error) {
      return this.#fail(error)
    }
    this.#log = undefined
    this.#isEnded = true
    this.#tools.listener.durable(this, 0)
  }

  #fail(error: unknown): void {
    if (this.#closed || this.#trouble !== undefined) return
    if (!isMillraceError(error) || error.code !== 'IO') return this.#tools.listener.broken(error)
    this.#trouble = reasonOf(error)
    const released = this.#waitingBytes
    this.#waitingBytes = 0
    this.#tools.listener.failed(this, error, released)
    this.#reopenLater()
  }

  #reopenLater(): void {
    const delayMs = this.#reopenMs
    this.#reopenMs = Math.min(REOPEN_MAX_MS, delayMs * 2)
    this.#cancelReopen = this.#tools.clock.schedule(delayMs, () => {
      this.#syncing = this.#reopen()
    })
  }

  async #reopen(): Promise<void> {
    try {
      await this.#letGo()
      await this.open()
    } catch (error) {
      if (this.#closed) return
      if (!isMillraceError(error) || error.code !== 'IO') return this.#tools.listener.broken(error)
      this.#trouble = reasonOf(error)
      return this.#reopenLater()
    } finally {
      this.#syncing = undefined
    }
    this.#trouble = undefined
    if (this.#closed) return
    this.#tools.listener.durable(this, 0)
    if (this.#ending) await this.#finish()
  }

  #shortened(next: number): MillraceError {
    const reason = `it ends before batch ${next}, and was durable up to ${this.#next}`
    return new MillraceError('LOG_CORRUPT', { path: this.place.path, offset: 0, reason })
  }

  async #letGo(): Promise<void> {
    const log = this.#log
    if (log === undefined) return
    this.#kept = { first: log.firstSequence, bytes: log.bytes }
    this.#log = undefined
    // A log that broke cannot be closed in order; what it holds is found when it is opened again.
    await log.close().catch((error: unknown) => {
      if (!log.failed) throw error
    })
  }
}

/** The number of the record behind the last batch. */
async function recordsBefore(log: SegmentLog, known: number): Promise<number> {
  const last = log.nextSequence - 1
  if (last < log.firstSequence) return known
  for await (const { payload } of log.readFrom(last)) {
    const { firstRecord, count } = decodeEntry(payload)
    return firstRecord + count
  }
  return known
}
