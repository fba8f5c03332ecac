// Cursor: how far a target has come in one stream.
//
// Owns: the reader of the stream's log for this target, batches read ahead, what is on its way.
// Does not own: the connection (target-line), what the target is known to have (outbound-stream).
//
// I1. Batches are taken in order, from where the receiver wants to go on; those on their way are not kept, but read again.
// I2. Only published batches are read.

import { LogReader, type LogRecord } from '../../../log/log-reader.ts'
import { type BatchEntry, decodeEntry } from '../queue/entry.ts'
import type { Kept, OutboundStream } from './outbound-stream.ts'

/** A batch on its way. */
interface Sent {
  readonly sequence: number
  /** The number behind its last record. */
  readonly record: number
  readonly atMs: number
}

/** A batch to be sent. */
export interface Outgoing extends BatchEntry {
  readonly sequence: number
}

export class Cursor {
  readonly stream: OutboundStream<unknown>
  readonly #target: number
  readonly #reader: LogReader
  #ahead: readonly LogRecord[] = []
  #aheadAt = 0
  #sent: Sent[] = []
  /** The next batch to send. */
  #next = 0
  /** Batches below were sent once. */
  #sentOnce = 0
  #oldestAtMs: number | undefined
  /** The number of the stream on the present connection; undefined before it is opened there. */
  number: number | undefined
  isOpen = false
  /** Body bytes sent on this connection, at most; and allowed. */
  sentBytes = 0
  credit = 0

  constructor(stream: OutboundStream<unknown>, target: number) {
    this.stream = stream
    this.#target = target
    this.#reader = new LogReader(stream.directory, stream.kept(target).next)
  }

  /** The connection is gone. */
  detach(): void {
    this.#oldestAtMs = this.#sent[0]?.atMs ?? this.#oldestAtMs
    this.#ahead = []
    this.#sent = []
    this.number = undefined
    this.isOpen = false
    this.sentBytes = 0
    this.credit = 0
  }

  /** The receiver wants to go on from batch `next`. */
  open(next: number, credit: number): void {
    this.#next = next
    this.credit = credit
    this.isOpen = true
    this.#reader.seek(next)
    const { kept } = this
    // Records are counted when the next batch is read.
    this.stream.acknowledge(this.#target, next, kept.record)
  }

  get isReady(): boolean {
    return this.isOpen && this.#next < this.stream.published && this.sentBytes < this.credit
  }

  /** Whether a batch is there that was read ahead. */
  get isAhead(): boolean {
    return this.#aheadAt < this.#ahead.length
  }

  /** Something was published while nothing was on its way. */
  noticed(now: number): void {
    this.#oldestAtMs ??= now
  }

  /** The number behind the last batch that was sent. */
  get sequence(): number {
    return this.#next
  }

  /** When the oldest batch was made that the target does not have; undefined if there is none, or it is not known. */
  get oldestAtMs(): number | undefined {
    return this.kept.next >= this.stream.published ? undefined : (this.#sent[0]?.atMs ?? this.#oldestAtMs)
  }

  /** The next batch, if it was read ahead. */
  take(): Outgoing | undefined {
    const record = this.#ahead[this.#aheadAt]
    return record === undefined ? undefined : this.#taken(record)
  }

  /** Reads about so many bytes ahead, at least one batch. Throws LOG_CORRUPT, IO. */
  async read(bytesMax: number): Promise<void> {
    this.#ahead = await this.#reader.read(this.stream.published, bytesMax)
    this.#aheadAt = 0
  }

  /** What the target is known to have. */
  get kept(): Kept {
    return this.stream.kept(this.#target)
  }

  get backlogBytes(): number {
    return this.stream.backlogBytes(this.#target)
  }

  /** Notes that a batch goes out; returns whether it does so again. */
  goes({ sequence, firstRecord, count, atMs }: Outgoing): boolean {
    this.#sent.push({ sequence, record: firstRecord + count, atMs })
    const again = sequence < this.#sentOnce
    this.#sentOnce = Math.max(this.#sentOnce, sequence + 1)
    return again
  }

  /** The receiver has batches below `next` on its disk. Throws for one that was never sent. */
  acknowledge(next: number, credit: number): void {
    if (next > (this.#sent.at(-1)?.sequence ?? this.kept.next - 1) + 1)
      throw new Error(`batch ${next - 1} of stream "${this.stream.name}" is acknowledged and was not sent`)
    this.credit = Math.max(this.credit, credit)
    let count = 0
    while (count < this.#sent.length && (this.#sent[count] as Sent).sequence < next) count += 1
    const last = this.#sent[count - 1]
    if (last === undefined) return
    this.#sent.splice(0, count)
    this.#oldestAtMs = this.#sent[0]?.atMs
    this.stream.acknowledge(this.#target, next, last.record)
  }

  /** Learns how many records are behind the target, and since when; for what is shown before a connection is made. */
  async look(): Promise<void> {
    const { kept } = this
    if (kept.next >= this.stream.published) return
    const [record] = await this.#reader.read(this.stream.published, 1)
    if (record === undefined) return
    const { firstRecord, atMs } = decodeEntry(record.payload)
    this.stream.remember(this.#target, { ...kept, record: firstRecord })
    this.#oldestAtMs = atMs
    this.#reader.seek(kept.next)
  }

  /** Lets go of the files until more is read. */
  close(): Promise<void> {
    return this.#reader.close()
  }

  #taken({ sequence, payload }: LogRecord): Outgoing {
    this.#aheadAt += 1
    if (this.#aheadAt === this.#ahead.length) {
      this.#ahead = []
      this.#aheadAt = 0
    }
    const entry = decodeEntry(payload)
    const { kept } = this
    if (sequence === kept.next) this.stream.remember(this.#target, { ...kept, record: entry.firstRecord })
    this.#next = sequence + 1
    return { ...entry, sequence }
  }
}
