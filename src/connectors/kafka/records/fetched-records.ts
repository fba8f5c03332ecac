// FetchedRecords: one partition's part of a fetch answer, decoded as it is asked for.
//
// Owns: the answer's bytes, the batch being read (decompressed when its turn comes), the offset to read next.
// Does not own: fetching, and what is done with a corrupt batch (the source).
//
// I1. Records come in offset order, none before the offset asked for, none of an aborted transaction, no control record.
// I2. `position` never falls. Reading on from it elsewhere gives what this has not given, and nothing that it has.
// I3. A record is given only after its batch's CRC was right.

import { reasonOf } from '../../../errors.ts'
import { crc32c } from '../../../util/crc32c.ts'
import { failureOf, KafkaFailure } from '../client/failure.ts'
import { AbortedProducers, type AbortedTransaction } from './aborted-producers.ts'
import { COMPRESSIONS, readCodec } from './codecs.ts'
import type { KafkaRecord } from './kafka-record.ts'
import { ATTRIBUTE, FIELD, HEADER_BYTES, LENGTH_END, MAGIC, readInt64 } from './record-batch.ts'
import { RecordReader } from './record-reader.ts'

const CORRUPT_MESSAGE = 2
const UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
const ABORT_MARKER = 0

export class FetchedRecords {
  readonly #topic: string
  readonly #partition: number
  readonly #bytes: Buffer
  readonly #aborted: AbortedProducers | null
  #position: number
  /** Where the batch being read begins, or the next one if none is. */
  #at = 0
  /** Bytes of the batch being read. */
  #length = 0
  #baseOffset = 0
  #lastOffset = 0
  #reader: RecordReader | undefined
  /** Records of the batch being read that were not looked at yet. */
  #left = 0

  /**
   * `from` is the offset asked for; the first batch may begin before it. `aborted` is null for read_uncommitted.
   * The last batch may be torn; it is left out.
   */
  constructor(
    topic: string,
    partition: number,
    bytes: Buffer,
    from: number,
    aborted: readonly AbortedTransaction[] | null,
  ) {
    this.#topic = topic
    this.#partition = partition
    this.#bytes = bytes
    this.#position = from
    this.#aborted = aborted === null ? null : new AbortedProducers(aborted)
  }

  /** The offset to read next: behind the last record taken, and behind batches in between that hold nothing wanted. */
  get position(): number {
    return this.#position
  }

  /** Nothing is left but perhaps a torn batch. */
  get done(): boolean {
    return this.#left === 0 && this.#torn()
  }

  /** Bytes of batches not read to their end. */
  get bytesLeft(): number {
    return this.done ? 0 : this.#bytes.length - this.#at
  }

  /**
   * Appends at most `max` records to `out` and returns how many; 0 also where what is left holds nothing wanted.
   * Throws KafkaFailure CORRUPT_MESSAGE, or UNSUPPORTED_FOR_MESSAGE_FORMAT for what was written before 0.11; before a throw
   * the whole records in front of the place are in `out`.
   */
  take(max: number, out: KafkaRecord[]): number {
    const before = out.length
    const end = before + max
    while (out.length < end && (this.#left > 0 || this.#open())) this.#drain(out, end)
    return out.length - before
  }

  #drain(out: KafkaRecord[], end: number): void {
    const reader = this.#reader as RecordReader
    try {
      while (this.#left > 0 && out.length < end) {
        const record = reader.next(this.#position)
        this.#left -= 1
        if (record === null) continue
        out.push(record)
        this.#position = record.offset + 1
      }
    } catch (cause) {
      throw this.#malformed(cause)
    }
    if (this.#left === 0) this.#close()
  }

  /** Goes to the next batch that holds something wanted; false when there is none. */
  #open(): boolean {
    while (!this.#torn()) {
      this.#checkHeader()
      if (this.#lastOffset >= this.#position && this.#isWanted()) this.#openRecords()
      if (this.#left > 0) return true
      this.#close()
    }
    return false
  }

  /** Goes behind the batch at hand. */
  #close(): void {
    this.#reader = undefined
    this.#at += this.#length
    this.#position = Math.max(this.#position, this.#lastOffset + 1)
  }

  /** Whether the batch at hand is not all there, or there is none. */
  #torn(): boolean {
    const there = this.#bytes.length - this.#at
    return there <= FIELD.magic || LENGTH_END + this.#bytes.readInt32BE(this.#at + FIELD.length) > there
  }

  #checkHeader(): void {
    const bytes = this.#bytes
    const at = this.#at
    const magic = bytes[at + FIELD.magic] as number
    if (magic !== MAGIC) throw this.#unsupported(magic)
    this.#length = LENGTH_END + bytes.readInt32BE(at + FIELD.length)
    if (this.#length < HEADER_BYTES) throw this.#corrupt(`it says that it has ${this.#length} bytes`)
    if (crc32c(bytes, at + FIELD.attributes, at + this.#length) !== bytes.readUInt32BE(at + FIELD.crc))
      throw this.#corrupt('its CRC does not fit its bytes')
    this.#baseOffset = readInt64(bytes, at + FIELD.baseOffset)
    this.#lastOffset = this.#baseOffset + bytes.readInt32BE(at + FIELD.lastOffsetDelta)
    if (!Number.isSafeInteger(this.#lastOffset)) throw this.#corrupt('its offset is beyond 2^53')
  }

  /** Takes note of a control batch. */
  #isWanted(): boolean {
    const bytes = this.#bytes
    const at = this.#at
    const attributes = bytes.readInt16BE(at + FIELD.attributes)
    const producerId = readInt64(bytes, at + FIELD.producerId)
    if ((attributes & ATTRIBUTE.control) !== 0) {
      if (this.#aborted !== null && this.#aborts()) this.#aborted.ended(producerId, this.#lastOffset)
      return false
    }
    if (this.#aborted === null || (attributes & ATTRIBUTE.transactional) === 0) return true
    return !this.#aborted.has(producerId, this.#lastOffset)
  }

  /** Whether the control batch at hand is the marker of an abort. */
  #aborts(): boolean {
    this.#openRecords()
    // The cleaner may leave a marker's batch without the marker: then its transaction has no records left either.
    const reader = this.#left > 0 ? this.#reader : undefined
    this.#left = 0
    try {
      return reader?.controlType() === ABORT_MARKER
    } catch (cause) {
      throw this.#malformed(cause)
    }
  }

  #openRecords(): void {
    const bytes = this.#bytes.subarray(this.#at, this.#at + this.#length)
    const attributes = bytes.readInt16BE(FIELD.attributes)
    const batch = {
      topic: this.#topic,
      partition: this.#partition,
      baseOffset: this.#baseOffset,
      baseTimestampMs: readInt64(bytes, FIELD.baseTimestamp),
      appendedAtMs: (attributes & ATTRIBUTE.logAppendTime) === 0 ? null : readInt64(bytes, FIELD.maxTimestamp),
    }
    this.#left = Math.max(0, bytes.readInt32BE(FIELD.records))
    const compression = attributes & ATTRIBUTE.compression
    this.#reader =
      compression === 0
        ? new RecordReader(batch, bytes, HEADER_BYTES)
        : new RecordReader(batch, this.#decompressed(compression, bytes.subarray(HEADER_BYTES)), 0)
  }

  #decompressed(compression: number, bytes: Buffer): Buffer {
    const codec = readCodec(compression, this.#where())
    try {
      return codec.decompress(bytes)
    } catch (cause) {
      throw this.#corrupt(`it cannot be decompressed (${COMPRESSIONS[compression]}): ${reasonOf(cause)}`)
    }
  }

  #malformed(cause: unknown): KafkaFailure {
    return this.#corrupt(`a record of it cannot be read: ${reasonOf(cause)}`)
  }

  #corrupt(reason: string): KafkaFailure {
    return new KafkaFailure(CORRUPT_MESSAGE, 'CORRUPT_MESSAGE', true, `${this.#where()}: CORRUPT_MESSAGE: ${reason}`)
  }

  #unsupported(magic: number): KafkaFailure {
    const said = `message format ${magic}, of before Kafka 0.11; only 2 is read. Copy the topic with a client that reads it`
    return failureOf(UNSUPPORTED_FOR_MESSAGE_FORMAT, this.#where(), said)
  }

  #where(): string {
    return `Batch at offset ${this.#position} of ${this.#topic}/${this.#partition}`
  }
}
