// WireWriter: writes one message of protobuf at a time, into a buffer that is used again.
//
// Does not own: which field has which number (messages.ts), what stands before a header (frame.ts).
//
// I1. Fields with their default (0, '', no bytes, no items) are left out, as proto3 asks.

import { WireFailure } from './wire-failure.ts'

const VARINT = 0
const BYTES = 2
/** Room in front of a message for what wrap() and frame.ts put there. */
const ROOM = 32

export class WireWriter {
  readonly #buffer: Buffer
  #begin = ROOM
  #end = ROOM

  /** Messages of more than bytesMax are refused. */
  constructor(bytesMax: number) {
    this.#buffer = Buffer.allocUnsafe(ROOM + bytesMax)
  }

  /** Forgets what was written. */
  reset(): void {
    this.#begin = ROOM
    this.#end = ROOM
  }

  uint32(field: number, value: number, name: string): void {
    if (!(value <= 0xffff_ffff)) throw outOfRange(name, value)
    this.uint64(field, value, name)
  }

  /** A whole number up to 2^53 - 1. */
  uint64(field: number, value: number, name: string): void {
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, value)
    if (value === 0) return
    this.#need(15)
    this.#varint(field * 8 + VARINT)
    this.#varint(value)
  }

  string(field: number, value: string, name: string, bytesMax: number): void {
    if (value !== '') this.#text(field, value, name, bytesMax)
  }

  strings(field: number, values: readonly string[], name: string, bytesMax: number, itemsMax: number): void {
    if (values.length > itemsMax) throw new WireFailure('LIMIT', `${name} has ${values.length} items, over ${itemsMax}`)
    for (const value of values) this.#text(field, value, name, bytesMax)
  }

  bytes(field: number, value: Uint8Array, name: string, bytesMax: number): void {
    if (value.length === 0) return
    this.#head(field, value.length, name, bytesMax)
    this.#buffer.set(value, this.#end)
    this.#end += value.length
  }

  /** Makes what was written since reset() the message of a field: puts tag and length in front of it. */
  wrap(field: number): void {
    const length = this.#end - this.#begin
    const lengthBytes = varintBytes(length)
    const end = this.#end
    this.#begin -= varintBytes(field * 8 + BYTES) + lengthBytes
    this.#end = this.#begin
    this.#varint(field * 8 + BYTES)
    this.#varint(length)
    this.#end = end
  }

  /** A copy of what was written, behind so many bytes for the caller to fill. */
  finish(before: number): Buffer {
    const made = Buffer.allocUnsafe(before + this.#end - this.#begin)
    this.#buffer.copy(made, before, this.#begin, this.#end)
    return made
  }

  #text(field: number, value: string, name: string, bytesMax: number): void {
    this.#head(field, Buffer.byteLength(value), name, bytesMax)
    this.#end += this.#buffer.write(value, this.#end)
  }

  #head(field: number, length: number, name: string, bytesMax: number): void {
    if (length > bytesMax) throw new WireFailure('LIMIT', `${name} has ${length} bytes, over ${bytesMax}`)
    this.#need(length + 10)
    this.#varint(field * 8 + BYTES)
    this.#varint(length)
  }

  #need(bytes: number): void {
    if (this.#end + bytes > this.#buffer.length) throw new WireFailure('LIMIT', 'the header of a frame is too long')
  }

  #varint(value: number): void {
    let rest = value
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) this.#buffer[this.#end++] = (rest % 128) | 128
    for (; rest > 127; rest >>>= 7) this.#buffer[this.#end++] = (rest & 127) | 128
    this.#buffer[this.#end++] = rest
  }
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes += 1
  return bytes
}

function outOfRange(name: string, value: number): WireFailure {
  return new WireFailure('LIMIT', `${name} is ${value}, which is no whole number within its range`)
}
