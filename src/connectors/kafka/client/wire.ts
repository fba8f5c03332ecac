// The primitive types of Kafka's protocol. Numbers of 64 bits are JavaScript numbers, and refused beyond ±2^53.

import { protocolFailure } from './failure.ts'

/** Buffers of this size and more are sent from where they lie instead of being copied. */
const COPIED_BYTES_MAX = 16_384
const FIRST_BYTES = 512
const TWO_32 = 2 ** 32

/** Writes one request. Large buffers given to it must not change until the request was answered. */
export class WireWriter {
  readonly #done: Buffer[] = []
  #doneBytes = 0
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #start = 0
  #at = 0

  /** Bytes so far. */
  get length(): number {
    return this.#doneBytes + this.#at - this.#start
  }

  int8(value: number): void {
    this.#need(1)
    this.#at = this.#buffer.writeInt8(value, this.#at)
  }

  int16(value: number): void {
    this.#need(2)
    this.#at = this.#buffer.writeInt16BE(value, this.#at)
  }

  int32(value: number): void {
    this.#need(4)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw protocolFailure(`${value} cannot be sent as a number of 64 bits`)
    this.#need(8)
    this.#at = this.#buffer.writeInt32BE(Math.floor(value / TWO_32), this.#at)
    this.#at = this.#buffer.writeUInt32BE(value >>> 0, this.#at)
  }

  bool(value: boolean): void {
    this.int8(value ? 1 : 0)
  }

  uvarint(value: number): void {
    this.#need(5)
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#at++] = rest
  }

  string(value: string): void {
    const bytes = Buffer.byteLength(value)
    this.int16(bytes)
    this.#text(value, bytes)
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1)
    else this.string(value)
  }

  bytes(value: Uint8Array | null): void {
    this.int32(value === null ? -1 : value.length)
    if (value !== null) this.raw(value)
  }

  compactString(value: string | null): void {
    if (value === null) return this.uvarint(0)
    const bytes = Buffer.byteLength(value)
    this.uvarint(bytes + 1)
    this.#text(value, bytes)
  }

  compactBytes(value: Uint8Array | null): void {
    this.uvarint(value === null ? 0 : value.length + 1)
    if (value !== null) this.raw(value)
  }

  array<T>(list: readonly T[] | null, each: (item: T, out: WireWriter) => void): void {
    this.int32(list === null ? -1 : list.length)
    for (const item of list ?? []) each(item, this)
  }

  compactArray<T>(list: readonly T[] | null, each: (item: T, out: WireWriter) => void): void {
    this.uvarint(list === null ? 0 : list.length + 1)
    for (const item of list ?? []) each(item, this)
  }

  /** No tagged fields: the end of each structure of a flexible version. */
  tags(): void {
    this.uvarint(0)
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    if (bytes.length < COPIED_BYTES_MAX) {
      this.#need(bytes.length)
      this.#buffer.set(bytes, this.#at)
      this.#at += bytes.length
      return
    }
    this.#cut()
    this.#done.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    this.#doneBytes += bytes.length
  }

  /** All of it, in the pieces it lies in. Nothing may be written afterwards. */
  pieces(): readonly Buffer[] {
    this.#cut()
    return this.#done
  }

  /** All of it as one buffer. Nothing may be written afterwards. */
  finish(): Buffer {
    const pieces = this.pieces()
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
  }

  #text(value: string, bytes: number): void {
    this.#need(bytes)
    this.#at += this.#buffer.write(value, this.#at)
  }

  #cut(): void {
    if (this.#at === this.#start) return
    this.#done.push(this.#buffer.subarray(this.#start, this.#at))
    this.#doneBytes += this.#at - this.#start
    this.#start = this.#at
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const written = this.#at - this.#start
    const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, (written + bytes) * 2))
    this.#buffer.copy(larger, 0, this.#start, this.#at)
    this.#buffer = larger
    this.#start = 0
    this.#at = written
  }
}

/** Reads one answer. Throws KafkaFailure where it is shorter than it says. */
export class WireReader {
  readonly #buffer: Buffer
  #at: number
  #throttleMs = 0

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer
    this.#at = at
  }

  /** Where the next byte is read. */
  get position(): number {
    return this.#at
  }

  /** The bytes not read yet, as a view. */
  get rest(): Buffer {
    return this.#buffer.subarray(this.#at)
  }

  /** What the broker asks the client to wait before its next request on this connection. */
  get throttleMs(): number {
    return this.#throttleMs
  }

  /** Reads `throttle_time_ms`, where an answer has it; the client then keeps to it. */
  throttle(): number {
    this.#throttleMs = this.int32()
    return this.#throttleMs
  }

  int8(): number {
    return this.#buffer.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#take(4))
  }

  int64(): number {
    const at = this.#take(8)
    const value = this.#buffer.readInt32BE(at) * TWO_32 + this.#buffer.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw protocolFailure(`an answer holds ${value}, beyond what is exact (2^53)`)
    return value
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.#take(1)] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw protocolFailure('an answer holds a length of more than 32 bits')
  }

  string(): string {
    return this.#text(this.int16())
  }

  nullableString(): string | null {
    const bytes = this.int16()
    return bytes < 0 ? null : this.#text(bytes)
  }

  /** A view. */
  bytes(): Buffer | null {
    return this.#view(this.int32())
  }

  compactString(): string {
    return this.#text(this.uvarint() - 1)
  }

  compactNullableString(): string | null {
    const bytes = this.uvarint() - 1
    return bytes < 0 ? null : this.#text(bytes)
  }

  /** A view. */
  compactBytes(): Buffer | null {
    return this.#view(this.uvarint() - 1)
  }

  /** Null counts as empty. */
  array<T>(each: (answer: WireReader) => T): T[] {
    return this.#list(this.int32(), each)
  }

  /** Null counts as empty. */
  compactArray<T>(each: (answer: WireReader) => T): T[] {
    return this.#list(this.uvarint() - 1, each)
  }

  /** Skips tagged fields, or gives those to `each` that it wants; it need not read a field to its end. */
  tags(each?: (tag: number, field: WireReader) => void): void {
    for (let left = this.uvarint(); left > 0; left -= 1) {
      const tag = this.uvarint()
      const bytes = this.uvarint()
      const at = this.#take(bytes)
      each?.(tag, new WireReader(this.#buffer.subarray(at, at + bytes)))
    }
  }

  /** 16 bytes, in hexadecimal. */
  uuid(): string {
    const at = this.#take(16)
    return this.#buffer.toString('hex', at, at + 16)
  }

  #list<T>(count: number, each: (answer: WireReader) => T): T[] {
    const list: T[] = []
    for (let left = count; left > 0; left -= 1) list.push(each(this))
    return list
  }

  #text(bytes: number): string {
    const at = this.#take(Math.max(0, bytes))
    return this.#buffer.toString('utf8', at, this.#at)
  }

  #view(bytes: number): Buffer | null {
    if (bytes < 0) return null
    const at = this.#take(bytes)
    return this.#buffer.subarray(at, at + bytes)
  }

  /** Steps over so many bytes and gives where they begin. */
  #take(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#buffer.length) throw protocolFailure('an answer ends before all it says is there')
    this.#at = at + bytes
    return at
  }
}
