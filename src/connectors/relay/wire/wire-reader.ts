// WireReader: reads one message of protobuf, stricter than protobuf asks, since what it reads comes from anyone.
//
// Owns: the place in the message, and which of its fields were seen.
//
// I1. Every failure is a WireFailure; nothing is read outside of the message, nothing is allocated beyond its length.
// I2. What two readers could understand in two ways is refused: varints longer than need be, fields set twice, groups,
//     a field of another type than agreed, numbers that a double cannot hold, text that is no UTF-8.

import { WireFailure } from './wire-failure.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5
const FIELD_MAX = 2 ** 29 - 1
const UNKNOWN_FIELDS_MAX = 64

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class WireReader {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  #field = 0
  #type = 0
  /** A bit for each field below 32 that was read. */
  #seen = 0
  #unknown = 0

  constructor(bytes: Uint8Array, from = 0, to: number = bytes.length) {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
  }

  /** The number of the next field, whose value is to be read or skipped; 0 at the end. */
  field(): number {
    if (this.#at === this.#end) return 0
    const tag = this.#varint()
    this.#type = tag % 8
    this.#field = (tag - this.#type) / 8
    if (this.#field < 1 || this.#field > FIELD_MAX) throw broken(`field ${this.#field} is none`)
    return this.#field
  }

  uint32(name: string): number {
    const value = this.uint64(name)
    if (value > 0xffff_ffff) throw broken(`${name} is over 2^32`)
    return value
  }

  uint64(name: string): number {
    this.#once(VARINT, name)
    return this.#varint()
  }

  string(name: string, bytesMax: number): string {
    this.#once(BYTES, name)
    return this.#text(name, bytesMax)
  }

  /** Adds an item to those read before. */
  strings(into: string[], name: string, bytesMax: number, itemsMax: number): void {
    this.#expect(BYTES, name)
    if (into.length === itemsMax) throw new WireFailure('LIMIT', `${name} has more than ${itemsMax} items`)
    into.push(this.#text(name, bytesMax))
  }

  /** A copy: what is kept of a message must not keep the buffer that it came in. */
  bytes(name: string, bytesMax: number): Uint8Array {
    this.#once(BYTES, name)
    const length = this.#length(name, bytesMax)
    return new Uint8Array(this.#bytes.subarray(this.#at - length, this.#at))
  }

  /** A reader of a message within this one. */
  message(name: string): WireReader {
    this.#once(BYTES, name)
    const length = this.#length(name)
    return new WireReader(this.#bytes, this.#at - length, this.#at)
  }

  /** Passes over a field that is not known here. */
  skip(): void {
    this.#unknown += 1
    if (this.#unknown > UNKNOWN_FIELDS_MAX)
      throw new WireFailure('LIMIT', `more than ${UNKNOWN_FIELDS_MAX} unknown fields`)
    if (this.#type === VARINT) this.#skipVarint()
    else if (this.#type === FIXED64) this.#forward(8, 'an unknown field')
    else if (this.#type === FIXED32) this.#forward(4, 'an unknown field')
    else if (this.#type === BYTES) this.#length('an unknown field')
    else throw broken(`field ${this.#field} is of type ${this.#type}`)
  }

  #expect(type: number, name: string): void {
    if (this.#type !== type) throw broken(`${name} is of type ${this.#type}, not ${type}`)
  }

  #once(type: number, name: string): void {
    this.#expect(type, name)
    const bit = 1 << this.#field
    if ((this.#seen & bit) !== 0) throw broken(`${name} is there twice`)
    this.#seen |= bit
  }

  #text(name: string, bytesMax: number): string {
    const length = this.#length(name, bytesMax)
    try {
      return utf8.decode(this.#bytes.subarray(this.#at - length, this.#at))
    } catch {
      throw broken(`${name} is no UTF-8`)
    }
  }

  /** Reads a length and goes behind what has it. */
  #length(name: string, bytesMax = Number.MAX_SAFE_INTEGER): number {
    const length = this.#varint()
    if (length > bytesMax) throw new WireFailure('LIMIT', `${name} has ${length} bytes, over ${bytesMax}`)
    this.#forward(length, name)
    return length
  }

  #forward(bytes: number, name: string): void {
    if (bytes > this.#end - this.#at) throw broken(`${name} goes beyond the header`)
    this.#at += bytes
  }

  /** Up to 2^53 - 1, in as few bytes as can be. */
  #varint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.#byte()
      value += (byte & 127) * factor
      if (value > Number.MAX_SAFE_INTEGER) throw broken('a number is over 2^53')
      if (byte < 128) {
        if (byte === 0 && factor > 1) throw broken('a number is longer than need be')
        return value
      }
      if (factor > 2 ** 49) throw broken('a number is over 2^53')
      factor *= 128
    }
  }

  /** Of an unknown field it may be any number of 64 bits. */
  #skipVarint(): void {
    for (let count = 1; this.#byte() > 127; count += 1) if (count === 10) throw broken('a number is over 2^64')
  }

  #byte(): number {
    if (this.#at === this.#end) throw broken('a number goes beyond the header')
    return this.#bytes[this.#at++] as number
  }
}

function broken(reason: string): WireFailure {
  return new WireFailure('PROTOCOL', reason)
}
