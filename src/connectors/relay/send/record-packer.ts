// RecordPacker: the open batch of a stream: records gathered, and packed in batches of about the right size.
//
// Owns: records not yet packed, and how large they are likely to be. Does not own: what becomes of a batch.
//
// I1. Records leave in the order they came, each in one batch.
// I2. No batch is larger than the frame allows; a record that alone is, is refused before it is in any batch.
// I3. What is gathered is about one batch: sizes are learnt from what was packed, and tried on a record of each call.

import { MillraceError, reasonOf } from '../../../errors.ts'
import type { RecordCodec } from '../queue/record-codec.ts'

export interface RecordPackerOptions<T> {
  readonly node: string
  readonly stream: string
  readonly codec: RecordCodec<T>
  readonly batchBytes: number
  readonly batchRecords: number
  readonly frameBytesMax: number
  /** Takes a batch; the bytes may be a view that the next batch overwrites. */
  readonly packed: (records: Uint8Array, count: number) => void
}

/** What a frame has beside the records, at most. */
const FRAME_HEADER_BYTES = 1024
/** A batch that came out so many times too large is made anew in halves. */
const TOO_LARGE = 2
/** A sample so many times larger than those before changes what is expected at once. */
const SURPRISE = 4
const SAMPLE_KEPT = 0.9

export class RecordPacker<T> {
  readonly #options: RecordPackerOptions<T>
  #open: T[] = []
  /** Of those, how many share no memory with what they came in. */
  #kept = 0
  #bytesEach = 0
  /** What records took alone, with all that a batch says once: the most of late. */
  #sample = 0
  /** Records of a batch, by what is expected of them. */
  #full = 1

  constructor(options: RecordPackerOptions<T>) {
    this.#options = options
  }

  /** About how many bytes are gathered. */
  get openBytes(): number {
    return this.#open.length * this.#bytesEach
  }

  get isEmpty(): boolean {
    return this.#open.length === 0
  }

  /** Throws RELAY_RECORD. */
  add(records: readonly T[]): void {
    if (records.length === 0) return
    this.#try(records[records.length - 1] as T)
    for (let at = 0; at < records.length; ) {
      const until = Math.min(records.length, at + this.#full - this.#open.length)
      for (; at < until; at += 1) this.#open.push(records[at] as T)
      if (this.#open.length >= this.#full) this.close()
    }
  }

  /** What is gathered may stay for a while: of what it came in, no more than itself. */
  keep(): void {
    const { codec } = this.#options
    if (codec.keep === undefined) return
    for (; this.#kept < this.#open.length; this.#kept += 1)
      this.#open[this.#kept] = codec.keep(this.#open[this.#kept] as T)
  }

  /** Packs what is gathered. Throws RELAY_RECORD. */
  close(): void {
    const records = this.#open
    if (records.length === 0) return
    this.#open = []
    this.#kept = 0
    this.#pack(records)
  }

  /** One record of each call is packed alone, to see what they have become. */
  #try(record: T): void {
    const bytes = this.#encode([record]).length
    if (this.#sample === 0) this.#expect(bytes)
    else if (bytes > this.#sample * SURPRISE) this.#expect((this.#bytesEach * bytes) / this.#sample)
    this.#sample = Math.max(bytes, this.#sample * SAMPLE_KEPT)
    if (this.#open.length >= this.#full) this.close()
  }

  #expect(bytesEach: number): void {
    this.#bytesEach = Math.max(1, bytesEach)
    const full = Math.floor(this.#options.batchBytes / this.#bytesEach)
    this.#full = Math.max(1, Math.min(this.#options.batchRecords, full))
  }

  #pack(records: readonly T[]): void {
    const { batchBytes, frameBytesMax, packed } = this.#options
    const bytes = this.#encode(records)
    if (bytes.length === 0)
      throw this.#refused(`codec ${this.#options.codec.name} wrote no bytes for ${records.length} records`)
    this.#expect((this.#bytesEach + bytes.length / records.length) / 2)
    const fits = bytes.length <= frameBytesMax - FRAME_HEADER_BYTES
    if (fits && (records.length === 1 || bytes.length <= batchBytes * TOO_LARGE)) return packed(bytes, records.length)
    if (records.length === 1) {
      const limit = `frameBytesMax of ${frameBytesMax} allows: raise it at both ends`
      throw this.#refused(`a record of ${bytes.length} bytes is larger than ${limit}`)
    }
    const half = records.length >>> 1
    this.#pack(records.slice(0, half))
    this.#pack(records.slice(half))
  }

  #encode(records: readonly T[]): Uint8Array {
    try {
      return this.#options.codec.encode(records)
    } catch (error) {
      const reason = error instanceof RangeError ? 'it refers to itself, or is nested too deeply' : reasonOf(error)
      throw this.#refused(`codec ${this.#options.codec.name} cannot write a record: ${reason}`, error)
    }
  }

  #refused(reason: string, cause?: unknown): MillraceError {
    const { node, stream } = this.#options
    return new MillraceError('RELAY_RECORD', { node, stream, reason }, cause)
  }
}
