// RecordReader: the records of one batch, after decompression, one after another.
//
// Owns: how far its bytes are read.
// Does not own: which records are wanted, and what becomes of the batch when a record is malformed (fetched-records).

import { type KafkaHeaders, type KafkaRecord, NO_HEADERS } from './kafka-record.ts'

/** What all records of a batch share. */
export interface RecordsOf {
  readonly topic: string
  readonly partition: number
  readonly baseOffset: number
  readonly baseTimestampMs: number
  /** The timestamp of every record where the broker stamps them; null where each has its own. */
  readonly appendedAtMs: number | null
}

export class RecordReader {
  readonly #batch: RecordsOf
  readonly #bytes: Buffer
  #at: number

  /** The records are in `bytes` from `at` to the end. */
  constructor(batch: RecordsOf, bytes: Buffer, at: number) {
    this.#batch = batch
    this.#bytes = bytes
    this.#at = at
  }

  /** The next record; null for one before `from`. Throws RangeError where the bytes are no record. */
  next(from: number): KafkaRecord | null {
    const end = this.#end()
    this.#at += 1
    const { topic, partition, baseOffset, baseTimestampMs, appendedAtMs } = this.#batch
    const timestampDelta = this.#varint()
    const offset = baseOffset + this.#varint()
    if (offset < from) {
      this.#at = end
      return null
    }
    const timestampMs = appendedAtMs ?? baseTimestampMs + timestampDelta
    const key = this.#view()
    const value = this.#view()
    const headers = this.#headers(end)
    if (this.#at !== end) throw new RangeError('its parts are not as long as it says')
    return { topic, partition, offset, timestampMs, key, value, headers }
  }

  /** The type in a control record's key: 0 aborts, 1 commits. */
  controlType(): number {
    this.#end()
    this.#at += 1
    this.#varint()
    this.#varint()
    const key = this.#view()
    if (key === null || key.length < 4) throw new RangeError('its key is no control key')
    return key.readInt16BE(2)
  }

  /** Reads the length of the next record, and returns where it ends. */
  #end(): number {
    const length = this.#varint()
    const end = this.#at + length
    if (length <= 0 || end > this.#bytes.length) throw new RangeError('it reaches behind the end of its batch')
    return end
  }

  #headers(end: number): KafkaHeaders {
    const count = this.#varint()
    if (count === 0) return NO_HEADERS
    const headers: [string, Buffer | null][] = []
    for (let i = 0; i < count; i += 1) {
      if (this.#at >= end) throw new RangeError('it has fewer headers than it says')
      const length = this.#varint()
      const name = this.#bytes.toString('utf8', this.#at, this.#at + length)
      this.#at += length
      headers.push([name, this.#view()])
    }
    return headers
  }

  #view(): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const from = this.#at
    this.#at = from + length
    return this.#bytes.subarray(from, this.#at)
  }

  #varint(): number {
    const bytes = this.#bytes
    const first = bytes[this.#at] as number
    // Behind the end a byte is undefined, which ends a varint as 0 does.
    if ((first & 0x80) === 0) {
      this.#at += 1
      return (first >>> 1) ^ -(first & 1)
    }
    let value = first & 0x7f
    let factor = 0x80
    const from = this.#at
    let at = from + 1
    let byte = bytes[at] as number
    for (; (byte & 0x80) !== 0; byte = bytes[at] as number) {
      value += (byte & 0x7f) * factor
      factor *= 0x80
      at += 1
    }
    this.#at = at + 1
    value += (byte & 0x7f) * factor
    if (value > Number.MAX_SAFE_INTEGER) return wideVarint(bytes, from, at)
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}

/** The varint from `from` to `last`, too wide to be put together in a double. */
function wideVarint(bytes: Buffer, from: number, last: number): number {
  let zigzag = 0n
  for (let i = last; i >= from; i -= 1) zigzag = (zigzag << 7n) | BigInt((bytes[i] as number) & 0x7f)
  return Number((zigzag >> 1n) ^ -(zigzag & 1n))
}
