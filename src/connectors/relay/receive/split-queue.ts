// SplitQueue: the batches of one stream as its reader has them: fetched from the files, decoded, taken.
//
// Owns: the position, which moves with what take() gives. Does not own: when to fetch (relay-reader).

import { join } from 'node:path'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { LogReader, type LogRecord } from '../../../log/log-reader.ts'
import { type BatchEntry, decodeEntry } from '../queue/entry.ts'
import type { RecordCodec } from '../queue/record-codec.ts'
import type { Progress, RelaySplit, StreamEnd } from './relay-split.ts'

/** A batch whose records are being taken. */
interface Decoded<T> {
  readonly entry: BatchEntry
  readonly records: readonly T[]
}

export class SplitQueue<T> {
  readonly split: RelaySplit
  readonly #codec: RecordCodec<T>
  readonly #log: LogReader
  #end: StreamEnd | undefined
  #fetched: LogRecord[] = []
  /** Of #fetched, those that were taken. */
  #head = 0
  #fetchedBytes = 0
  #decoded: Decoded<T> | undefined
  #sequence: number
  #skip: number
  /** The number of the next record, once it is known. */
  #record: number | undefined
  #atMs = 0

  /** `root` is the store's folder. */
  constructor(split: RelaySplit, root: string, codec: RecordCodec<T>) {
    this.split = split
    this.#codec = codec
    this.#log = new LogReader(join(root, split.folder), split.sequence)
    this.#sequence = split.sequence
    this.#skip = split.skip
  }

  /** Where it is. */
  get snapshot(): RelaySplit {
    return { ...this.split, sequence: this.#sequence, skip: this.#skip }
  }

  get sequence(): number {
    return this.#sequence
  }

  /** Undefined before anything is known. */
  get progress(): Progress | undefined {
    if (this.#record === undefined) return undefined
    return { id: this.split.id, sequence: this.#sequence, record: this.#record, atMs: this.#atMs }
  }

  /** The number of the record behind what is durable; undefined before it was told. */
  get records(): number | undefined {
    return this.#end?.records
  }

  /** What was fetched and not taken. */
  get bufferedBytes(): number {
    return this.#fetchedBytes
  }

  get hasRecords(): boolean {
    return this.#decoded !== undefined || this.#head < this.#fetched.length
  }

  /** Whether there are batches on the disk that were not fetched. */
  get hasMore(): boolean {
    return this.#log.position < (this.#end?.next ?? 0)
  }

  /** Whether nothing is left, and nothing will come. */
  get isFinished(): boolean {
    return this.#end?.isFinal === true && this.#sequence === this.#end.next
  }

  /** More can be read. */
  extend(end: StreamEnd): void {
    this.#end = end
    if (this.#sequence >= end.next) this.#record = end.records
  }

  /** Reads batches from the disk, one at least. Throws LOG_CORRUPT, IO. */
  async fetch(bytesMax: number): Promise<void> {
    const records = await this.#log.read(this.#end?.next ?? 0, bytesMax)
    this.#fetched = [...this.#fetched.slice(this.#head), ...records]
    this.#head = 0
    for (const { payload } of records) this.#fetchedBytes += payload.length
    if (this.#record === undefined && this.#decoded === undefined) this.#peek()
  }

  /** The next records, `maxRecords` at most. Throws RECORD_MALFORMED. */
  take(maxRecords: number): readonly T[] {
    let taken: readonly T[] = []
    let all: T[] | undefined
    for (let room = maxRecords; room > 0; ) {
      const decoded = this.#decoded ?? this.#decode()
      // Batches are joined while they fit: a reader of many small ones passes on few large ones.
      if (decoded === undefined || (taken.length > 0 && decoded.records.length - this.#skip > room)) break
      const part = this.#takePart(decoded, room)
      room -= part.length
      if (taken.length === 0) taken = part
      else {
        all ??= [...taken]
        for (const record of part) all.push(record)
      }
    }
    return all ?? taken
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #takePart({ entry, records }: Decoded<T>, room: number): readonly T[] {
    const from = this.#skip
    const to = Math.min(records.length, from + room)
    this.#record = entry.firstRecord + to
    this.#atMs = entry.atMs
    if (to < records.length) {
      this.#skip = to
      return records.slice(from, to)
    }
    this.#decoded = undefined
    this.#skip = 0
    this.#sequence += 1
    return from === 0 ? records : records.slice(from)
  }

  #decode(): Decoded<T> | undefined {
    const fetched = this.#fetched[this.#head]
    if (fetched === undefined) return undefined
    this.#head += 1
    // There are thousands of streams: one in which nothing comes keeps nothing of what it gave.
    if (this.#head === this.#fetched.length) {
      this.#fetched = []
      this.#head = 0
    }
    this.#fetchedBytes -= fetched.payload.length
    const entry = this.#entryOf(fetched)
    const records = this.#recordsOf(entry)
    if (records.length !== entry.count || this.#skip > records.length)
      throw this.#malformed(`it has ${records.length} records, and says ${entry.count}`)
    this.#decoded = { entry, records }
    return this.#decoded
  }

  #peek(): void {
    const fetched = this.#fetched[0]
    if (fetched === undefined) return
    const { firstRecord, atMs } = this.#entryOf(fetched)
    this.#record = firstRecord + this.#skip
    this.#atMs = atMs
  }

  #entryOf({ payload }: LogRecord): BatchEntry {
    try {
      return decodeEntry(payload)
    } catch (error) {
      throw this.#malformed(reasonOf(error), error)
    }
  }

  #recordsOf({ records }: BatchEntry): readonly T[] {
    try {
      return this.#codec.decode(records)
    } catch (error) {
      throw this.#malformed(`its records cannot be read as ${this.#codec.name}: ${reasonOf(error)}`, error)
    }
  }

  #malformed(reason: string, cause?: unknown): MillraceError {
    const file = `stream "${this.split.stream}" of sender "${this.split.sender}", batch`
    return new MillraceError('RECORD_MALFORMED', { file, line: this.#sequence, reason }, cause)
  }
}
