// kafkaRecords: a batch of Kafka records as bytes. Little endian; v is a varint of up to 53 bits, z the same in zigzag.
//
//   u8 version, u32 count, u32 bytes of all texts, u32 bytes of all meta; then texts, meta, data
//   texts  v how many, then each: v bytes, UTF-8. Topics, sites and names of headers, each once.
//   meta   runs of records of one partition: v length, v topic, v site, v partition + 1; then of each record: z offset less the one before it
//          (in the run; at first less 0), z time less that of the record before, v key + 1, v value + 1, v headers; of each header: v name,
//          v value + 1. Lengths are in bytes; 0 is null.
//   data   key, value and headers' values of each record, one behind the other.

import type { RecordCodec } from '../../connectors/relay/queue/record-codec.ts'
import type { RelayedKafka } from './relayed-kafka.ts'

const VERSION = 1
const HEADER_BYTES = 13
const NO_HEADERS: RelayedKafka['headers'] = []
/** The most that the meta of one record without headers takes, its run included. */
const RECORD_META_BYTES = 80
const HEADER_META_BYTES = 16

/**
 * The codec of a relay's both ends for Kafka records. What decode() gives are views of `bytes`, which must not be written to any more.
 * decode() throws RangeError on what is no batch.
 */
export const kafkaRecords: RecordCodec<RelayedKafka> = { name: 'kafka-records-1', encode, decode, keep }

/** A record of a topic where few come would else hold all that was fetched with it. */
function keep({ topic, partition, offset, timestampMs, key, value, headers, site }: RelayedKafka): RelayedKafka {
  const own = headers.map(([name, content]): [string, Buffer | null] => [name, copied(content)])
  return { topic, partition, offset, timestampMs, key: copied(key), value: copied(value), headers: own, site }
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}

/** Grows as needed and is used again by the next batch: encode() does not overlap with itself. */
let meta = Buffer.allocUnsafeSlow(64 << 10)

function encode(records: readonly RelayedKafka[]): Buffer {
  const texts = new Texts()
  const metaBytes = writeMeta(records, texts)
  const textBytes = texts.bytes
  let bytes = HEADER_BYTES + textBytes + metaBytes
  for (const record of records) bytes += dataBytes(record)
  const batch = Buffer.allocUnsafeSlow(bytes)
  batch[0] = VERSION
  batch.writeUInt32LE(records.length, 1)
  batch.writeUInt32LE(textBytes, 5)
  batch.writeUInt32LE(metaBytes, 9)
  const at = texts.write(batch, HEADER_BYTES)
  batch.set(meta.subarray(0, metaBytes), at)
  writeData(records, batch, at + metaBytes)
  return batch
}

/** Each text of a batch once, by number. */
class Texts {
  readonly #numbers = new Map<string, number>()
  #bytes = 0

  number(text: string): number {
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    const length = Buffer.byteLength(text)
    this.#bytes += varintBytes(length) + length
    this.#numbers.set(text, this.#numbers.size)
    return this.#numbers.size - 1
  }

  get bytes(): number {
    return varintBytes(this.#numbers.size) + this.#bytes
  }

  write(bytes: Buffer, from: number): number {
    let at = writeVarint(bytes, from, this.#numbers.size)
    for (const text of this.#numbers.keys()) {
      const length = Buffer.byteLength(text)
      at = writeVarint(bytes, at, length)
      at += bytes.write(text, at)
    }
    return at
  }
}

function writeMeta(records: readonly RelayedKafka[], texts: Texts): number {
  let at = 0
  let timeMs = 0
  for (let first = 0; first < records.length; ) {
    const { topic, site, partition } = records[first] as RelayedKafka
    const end = endOfRun(records, first)
    reserve(at, RECORD_META_BYTES)
    at = writeVarint(meta, at, end - first)
    at = writeVarint(meta, at, texts.number(topic))
    at = writeVarint(meta, at, texts.number(site))
    at = writeVarint(meta, at, partition + 1)
    let offset = 0
    for (; first < end; first += 1) {
      const record = records[first] as RelayedKafka
      reserve(at, RECORD_META_BYTES + record.headers.length * HEADER_META_BYTES)
      at = writeRecordMeta(at, record, offset, timeMs, texts)
      offset = record.offset
      timeMs = record.timestampMs
    }
  }
  return at
}

function endOfRun(records: readonly RelayedKafka[], first: number): number {
  const { topic, site, partition } = records[first] as RelayedKafka
  let end = first + 1
  for (; end < records.length; end += 1) {
    const record = records[end] as RelayedKafka
    if (record.partition !== partition || record.topic !== topic || record.site !== site) break
  }
  return end
}

function writeRecordMeta(from: number, record: RelayedKafka, offset: number, timeMs: number, texts: Texts): number {
  const { key, value, headers } = record
  let at = writeZigzag(meta, from, record.offset - offset)
  at = writeZigzag(meta, at, record.timestampMs - timeMs)
  at = writeVarint(meta, at, key === null ? 0 : key.length + 1)
  at = writeVarint(meta, at, value === null ? 0 : value.length + 1)
  at = writeVarint(meta, at, headers.length)
  for (const [name, content] of headers) {
    at = writeVarint(meta, at, texts.number(name))
    at = writeVarint(meta, at, content === null ? 0 : content.length + 1)
  }
  return at
}

function reserve(at: number, bytes: number): void {
  if (at + bytes <= meta.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(at + bytes, meta.length * 2))
  larger.set(meta.subarray(0, at))
  meta = larger
}

function dataBytes({ key, value, headers }: RelayedKafka): number {
  let bytes = (key === null ? 0 : key.length) + (value === null ? 0 : value.length)
  for (const [, content] of headers) if (content !== null) bytes += content.length
  return bytes
}

function writeData(records: readonly RelayedKafka[], bytes: Buffer, from: number): void {
  let at = from
  for (const { key, value, headers } of records) {
    if (key !== null) at = copy(key, bytes, at)
    if (value !== null) at = copy(value, bytes, at)
    for (const [, content] of headers) if (content !== null) at = copy(content, bytes, at)
  }
}

const LOOP_MAX = 24

/** A call out of JavaScript costs more than a short loop. */
function copy(part: Buffer, bytes: Buffer, at: number): number {
  const { length } = part
  if (length > LOOP_MAX) bytes.set(part, at)
  else for (let i = 0; i < length; i += 1) bytes[at + i] = part[i] as number
  return at + length
}

function decode(bytes: Uint8Array): RelayedKafka[] {
  const batch = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (batch.length < HEADER_BYTES || batch[0] !== VERSION)
    throw new RangeError(`expected a batch of Kafka records of version ${VERSION}`)
  return new BatchReader(batch).records()
}

/** One batch, while it is read. */
class BatchReader {
  readonly #bytes: Buffer
  readonly #count: number
  readonly #dataFrom: number
  /** In texts, then in meta. */
  #at = HEADER_BYTES
  #data: number
  #texts: string[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#count = bytes.readUInt32LE(1)
    this.#dataFrom = HEADER_BYTES + bytes.readUInt32LE(5) + bytes.readUInt32LE(9)
    this.#data = this.#dataFrom
    if (this.#dataFrom > bytes.length) throw this.#torn()
  }

  records(): RelayedKafka[] {
    this.#readTexts()
    const records: RelayedKafka[] = []
    let timestampMs = 0
    while (this.#at < this.#dataFrom) {
      const end = records.length + this.#varint()
      const topic = this.#text()
      const site = this.#text()
      const partition = this.#varint() - 1
      if (end > this.#count || end === records.length) throw this.#torn()
      let offset = 0
      while (records.length < end) {
        offset += this.#zigzag()
        timestampMs += this.#zigzag()
        const keyBytes = this.#varint()
        const valueBytes = this.#varint()
        const headers = this.#varint()
        const key = this.#view(keyBytes)
        const value = this.#view(valueBytes)
        records.push({ topic, partition, offset, timestampMs, key, value, headers: this.#headers(headers), site })
      }
    }
    if (this.#at !== this.#dataFrom || this.#data !== this.#bytes.length || records.length !== this.#count)
      throw this.#torn()
    return records
  }

  #readTexts(): void {
    const end = HEADER_BYTES + this.#bytes.readUInt32LE(5)
    const count = this.#varint()
    while (this.#texts.length < count) {
      const length = this.#varint()
      if (this.#at + length > end) throw this.#torn()
      this.#texts.push(this.#bytes.toString('utf8', this.#at, this.#at + length))
      this.#at += length
    }
    if (this.#at !== end) throw this.#torn()
  }

  #text(): string {
    const text = this.#texts[this.#varint()]
    if (text === undefined) throw this.#torn()
    return text
  }

  #headers(count: number): RelayedKafka['headers'] {
    if (count === 0) return NO_HEADERS
    const headers: [string, Buffer | null][] = []
    while (headers.length < count) {
      if (this.#at >= this.#dataFrom) throw this.#torn()
      const name = this.#text()
      headers.push([name, this.#view(this.#varint())])
    }
    return headers
  }

  #view(bytes: number): Buffer | null {
    if (bytes === 0) return null
    const from = this.#data
    this.#data = from + bytes - 1
    if (this.#data > this.#bytes.length) throw this.#torn()
    return this.#bytes.subarray(from, this.#data)
  }

  #zigzag(): number {
    const value = this.#varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #varint(): number {
    const bytes = this.#bytes
    const first = bytes[this.#at++] as number
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let factor = 0x80; factor <= 2 ** 49; factor *= 0x80) {
      const byte = bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw this.#torn()
  }

  #torn(): RangeError {
    return new RangeError('these bytes are no batch of Kafka records: its parts are not as long as it says')
  }
}

function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count += 1
  return count
}

/** Returns the place behind it. `value` is from 0 to 2^53. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let to = at
  let rest = value
  for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 0x80)) bytes[to++] = (rest % 0x80) | 0x80
  for (; rest >= 0x80; rest >>>= 7) bytes[to++] = (rest & 0x7f) | 0x80
  bytes[to++] = rest
  return to
}

/** As writeVarint, for values of less than 2^52 either way. */
function writeZigzag(bytes: Buffer, at: number, value: number): number {
  return writeVarint(bytes, at, value >= 0 ? value * 2 : -value * 2 - 1)
}
