// BatchBuilder: a record batch as it grows, record by record, in the bytes that are sent.
//
// Owns: the buffer of the batch being built.
// Does not own: when a batch is full, and which producer sends it (the sink).
//
// I1. What finish() returns is not touched again: it may be sent, kept, and sent again.
// I2. An append that throws leaves the batch as it was.

import { assert } from '../../../util/assert.ts'
import { COMPRESSIONS, type Codec, type Compression, writeCodec } from './codecs.ts'
import { type BatchProducer, FIELD, HEADER_BYTES, LENGTH_END, MAGIC, stampBatch, writeInt64 } from './record-batch.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

/** A key, a value or a header's value as it is written: strings as UTF-8. */
export type Bytes = string | Uint8Array | null

/** Name and value of each header to write. */
export type HeadersToWrite = readonly (readonly [name: string, value: Bytes])[]

const BUFFER_BYTES_MIN = 1_024

const LOOP_MAX = 32

export class BatchBuilder {
  readonly #codec: Codec | null
  readonly #compression: number
  #buffer: Buffer
  #at = HEADER_BYTES
  #records = 0
  #baseTimestampMs = 0
  #maxTimestampMs = 0

  /** The compression's codec must have been opened. */
  constructor(compression: Compression) {
    this.#compression = COMPRESSIONS.indexOf(compression)
    this.#codec = compression === 'none' ? null : writeCodec(compression)
    this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_MIN)
  }

  get records(): number {
    return this.#records
  }

  /** Bytes of the batch so far, its header included, before compression. */
  get bytes(): number {
    return this.#at
  }

  append(key: Bytes, value: Bytes, timestampMs: number, headers: HeadersToWrite): void {
    if (this.#records === 0) {
      this.#baseTimestampMs = timestampMs
      this.#maxTimestampMs = timestampMs
    }
    const timestampDelta = timestampMs - this.#baseTimestampMs
    const keyBytes = bytesOf(key)
    const valueBytes = bytesOf(value)
    const length =
      1 +
      varlongBytes(timestampDelta) +
      varintBytes(this.#records) +
      fieldBytes(keyBytes) +
      fieldBytes(valueBytes) +
      headersBytes(headers)
    this.#reserve(varintBytes(length) + length)
    const buffer = this.#buffer
    let at = writeVarint(buffer, this.#at, length)
    buffer[at] = 0
    at = writeVarlong(buffer, at + 1, timestampDelta)
    at = writeVarint(buffer, at, this.#records)
    at = writeField(buffer, at, key, keyBytes)
    at = writeField(buffer, at, value, valueBytes)
    this.#at = writeHeaders(buffer, at, headers)
    this.#records += 1
    if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs
  }

  /** The batch, ready to be sent; the builder is empty again. There must be a record in it. */
  finish(producer: BatchProducer): Buffer {
    assert(this.#records > 0, 'a record batch has a record')
    const batch = this.#codec === null ? this.#taken() : this.#compressed(this.#codec)
    writeInt64(batch, FIELD.baseOffset, 0)
    batch.writeInt32BE(batch.length - LENGTH_END, FIELD.length)
    batch.writeInt32BE(-1, FIELD.leaderEpoch)
    batch[FIELD.magic] = MAGIC
    batch.writeInt16BE(this.#compression, FIELD.attributes)
    batch.writeInt32BE(this.#records - 1, FIELD.lastOffsetDelta)
    writeInt64(batch, FIELD.baseTimestamp, this.#baseTimestampMs)
    writeInt64(batch, FIELD.maxTimestamp, this.#maxTimestampMs)
    batch.writeInt32BE(this.#records, FIELD.records)
    stampBatch(batch, producer)
    this.#at = HEADER_BYTES
    this.#records = 0
    return batch
  }

  /** Hands the buffer over, and takes one that is large enough for another batch like this one. */
  #taken(): Buffer {
    const batch = this.#buffer.subarray(0, this.#at)
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES_MIN, this.#at))
    return batch
  }

  #compressed(codec: Codec): Buffer {
    const records = codec.compress(this.#buffer.subarray(HEADER_BYTES, this.#at))
    const batch = Buffer.allocUnsafeSlow(HEADER_BYTES + records.length)
    batch.set(records, HEADER_BYTES)
    return batch
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes
    if (wanted <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2))
    larger.set(this.#buffer.subarray(0, this.#at))
    this.#buffer = larger
  }
}

/** -1 for null. */
function bytesOf(part: Bytes): number {
  if (part === null) return -1
  return typeof part === 'string' ? Buffer.byteLength(part) : part.length
}

const fieldBytes = (bytes: number): number => varintBytes(bytes) + (bytes < 0 ? 0 : bytes)

function writeField(buffer: Buffer, at: number, part: Bytes, bytes: number): number {
  const from = writeVarint(buffer, at, bytes)
  if (part === null) return from
  if (typeof part !== 'string') buffer.set(part, from)
  else if (part.length === bytes) writeAscii(buffer, from, part)
  else buffer.write(part, from)
  return from + bytes
}

/** Characters of a byte each. A call out of JavaScript costs more than a short loop. */
function writeAscii(buffer: Buffer, at: number, text: string): void {
  if (text.length > LOOP_MAX) buffer.write(text, at, 'latin1')
  else for (let i = 0; i < text.length; i += 1) buffer[at + i] = text.charCodeAt(i)
}

function headersBytes(headers: HeadersToWrite): number {
  let bytes = varintBytes(headers.length)
  for (const [name, value] of headers) bytes += fieldBytes(bytesOf(name)) + fieldBytes(bytesOf(value))
  return bytes
}

function writeHeaders(buffer: Buffer, from: number, headers: HeadersToWrite): number {
  let at = writeVarint(buffer, from, headers.length)
  for (const [name, value] of headers) {
    at = writeField(buffer, at, name, bytesOf(name))
    at = writeField(buffer, at, value, bytesOf(value))
  }
  return at
}
