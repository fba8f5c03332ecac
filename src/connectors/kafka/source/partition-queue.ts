// PartitionQueue: what was fetched of one partition and not read yet.
//
// Owns: the fetched bytes, the position of the reader in them, the offset to fetch next.
// Does not own: fetching (fetcher), when it may be read (the reader).
//
// I1. `position` is the offset behind the last record taken and behind whatever holds nothing wanted; it never falls.
// I2. Records come in offset order, each once, none at or behind `stop`.
// I3. `bytes` is the memory held: each part is a buffer of its own, let go when it is read.

import type { AbortedTransaction } from '../records/aborted-producers.ts'
import { FetchedRecords } from '../records/fetched-records.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import { type EpochEnd, epochsOf, isOldFormat } from './batch-walk.ts'
import type { KafkaSplit } from './kafka-split.ts'

interface Part {
  readonly from: number
  readonly bytes: number
  readonly epochs: readonly EpochEnd[]
  readonly records: FetchedRecords
}

/** Of a leader epoch that is not known. */
const NO_EPOCH = -1

export class PartitionQueue {
  readonly split: KafkaSplit
  readonly #parts: Part[] = []
  #bytes = 0
  #position: number
  /** Of the last record before the first part. */
  #epoch: number
  #fetchOffset: number
  #fetchEpoch: number
  #end: number | undefined

  constructor(split: KafkaSplit) {
    this.split = split
    this.#position = split.offset
    this.#fetchOffset = split.offset
    this.#epoch = split.epoch ?? NO_EPOCH
    this.#fetchEpoch = this.#epoch
  }

  /** The offset to read next. */
  get position(): number {
    return this.#position
  }

  /** The offset to fetch next. */
  get fetchOffset(): number {
    return this.#fetchOffset
  }

  /** The leader epoch of the record before `fetchOffset`; -1 if it is not known. */
  get fetchEpoch(): number {
    return this.#fetchEpoch
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes
  }

  /** Where the partition ends, as of the last answer: what is behind it cannot be read yet. */
  get end(): number | undefined {
    return this.#end
  }

  /** All up to `stop` is fetched. */
  get isFetched(): boolean {
    return this.split.stop !== undefined && this.#fetchOffset >= this.split.stop
  }

  /** All up to `stop` is read. */
  get isFinished(): boolean {
    return this.split.stop !== undefined && this.#position >= this.split.stop
  }

  /** The split as it stands. */
  get snapshot(): KafkaSplit {
    const { epoch: _, ...split } = this.split
    const epoch = this.#epochAtPosition()
    return { ...split, offset: this.#position, ...(epoch === NO_EPOCH ? {} : { epoch }) }
  }

  /** Takes in what a fetch at `fetchOffset` gave; `bytes` must be a buffer that holds nothing else. */
  accept(bytes: Buffer, aborted: readonly AbortedTransaction[] | null): void {
    const { topic, partition } = this.split
    const epochs = epochsOf(bytes)
    const last = epochs.at(-1)
    if (last === undefined && !isOldFormat(bytes)) return
    const from = this.#fetchOffset
    const records = new FetchedRecords(topic, partition, bytes, from, aborted)
    this.#parts.push({ from, bytes: bytes.length, epochs, records })
    this.#bytes += bytes.length
    if (last === undefined) return
    this.#fetchOffset = Math.max(from, last.end)
    this.#fetchEpoch = last.epoch
  }

  /** Where the partition ended when it was asked last. */
  reached(end: number): void {
    this.#end = end
  }

  /** Appends at most `max` records; how many. Throws KafkaFailure CORRUPT_MESSAGE or UNSUPPORTED_FOR_MESSAGE_FORMAT. */
  take(max: number, out: KafkaRecord[]): number {
    const before = out.length
    const full = before + max
    for (let part = this.#parts[0]; part !== undefined && out.length < full; part = this.#parts[0]) {
      part.records.take(full - out.length, out)
      this.#position = part.records.position
      if (!part.records.done) break
      this.#parts.shift()
      this.#bytes -= part.bytes
      this.#epoch = part.epochs.at(-1)?.epoch ?? this.#epoch
    }
    if (this.isFinished) this.#cut(out)
    else if (this.#parts.length === 0) this.#position = this.#fetchOffset
    return out.length - before
  }

  /** Drops what is at and behind `stop`. */
  #cut(out: KafkaRecord[]): void {
    const stop = this.split.stop as number
    while (out.length > 0 && (out[out.length - 1] as KafkaRecord).offset >= stop) out.pop()
    this.#position = stop
    this.#parts.length = 0
    this.#bytes = 0
  }

  #epochAtPosition(): number {
    const part = this.#parts[0]
    if (part === undefined || this.#position <= part.from) return this.#epoch
    return part.epochs.find(({ end }) => end >= this.#position)?.epoch ?? this.#epoch
  }
}
