// WireReader: values of protobuf's wire format, one after the other.
//
// Owns: the place in the bytes.
// Does not own: what the values are of.
//
// I1. Nothing is read at or behind `end`.

import { utf8Text } from '../utf8.ts'
import { WIRE } from './proto-type.ts'

const HIGH = 4_294_967_296
const EXACT_HIGH = 0x20_0000

/** See the head of this file. Throws RangeError where bytes end within a value. */
export class WireReader {
  readonly #bytes: Buffer
  at = 0
  end: number
  #low = 0
  #high = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.end = bytes.length
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    const bytes = this.#bytes
    let at = this.at
    if (at < this.end && (bytes[at] as number) < 0x80) {
      this.at = at + 1
      return bytes[at] as number
    }
    let value = 0
    for (let shift = 0; shift < 70; shift += 7, at += 1) {
      if (at >= this.end) throw this.#cut()
      const byte = bytes[at] as number
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.at = at + 1
        return value >>> 0
      }
    }
    throw new RangeError(`byte ${this.at} begins a number of more than 10 bytes`)
  }

  int32(): number {
    return this.uint32() | 0
  }

  sint32(): number {
    const value = this.uint32()
    return (value >>> 1) ^ -(value & 1)
  }

  uint64(): bigint {
    this.#varint64()
    return unsigned(this.#low, this.#high)
  }

  int64(): bigint {
    this.#varint64()
    return signed(this.#low, this.#high)
  }

  sint64(): bigint {
    this.#varint64()
    const mask = -(this.#low & 1)
    const low = ((this.#low >>> 1) | (this.#high << 31)) ^ mask
    return signed(low >>> 0, ((this.#high >>> 1) ^ mask) >>> 0)
  }

  bool(): boolean {
    this.#varint64()
    return this.#low !== 0 || this.#high !== 0
  }

  fixed32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  sfixed32(): number {
    return this.#bytes.readInt32LE(this.#advance(4))
  }

  fixed64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#advance(8))
  }

  sfixed64(): bigint {
    return this.#bytes.readBigInt64LE(this.#advance(8))
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#advance(4))
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8))
  }

  /** A view. */
  bytes(): Buffer {
    const end = this.piece()
    const view = this.#bytes.subarray(this.at, end)
    this.at = end
    return view
  }

  string(): string {
    return utf8Text(this.bytes(), 'a string')
  }

  /** Where the piece ends whose length stands here; the place is then its beginning. */
  piece(): number {
    const length = this.uint32()
    if (length > this.end - this.at) throw this.#cut()
    return this.at + length
  }

  /** Passes over a value that nobody asked for. */
  skip(wire: number): void {
    switch (wire) {
      case WIRE.varint:
        this.#varint64()
        return
      case WIRE.fixed64:
        this.#advance(8)
        return
      case WIRE.bytes:
        this.at = this.piece()
        return
      case WIRE.fixed32:
        this.#advance(4)
        return
      case WIRE.group:
      case WIRE.groupEnd:
        throw new RangeError('a group, which is not supported')
      default:
        throw new RangeError(`wire type ${wire}, which does not exist`)
    }
  }

  #varint64(): void {
    const bytes = this.#bytes
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw this.#cut()
      const byte = bytes[this.at] as number
      const bits = byte & 0x7f
      this.at += 1
      if (shift < 32) low |= bits << shift
      if (shift === 28) high |= bits >>> 4
      if (shift > 28 && shift < 63) high |= bits << (shift - 32)
      if (shift === 63) high |= bits << 31
      if (byte >= 0x80) continue
      this.#low = low >>> 0
      this.#high = high >>> 0
      return
    }
    throw new RangeError(`byte ${this.at} ends a number of more than 10 bytes`)
  }

  #advance(length: number): number {
    const at = this.at
    if (length > this.end - at) throw this.#cut()
    this.at = at + length
    return at
  }

  #cut(): RangeError {
    return new RangeError(`it ends within a value, behind byte ${this.at}`)
  }
}

function unsigned(low: number, high: number): bigint {
  return high < EXACT_HIGH ? BigInt(high * HIGH + low) : (BigInt(high) << 32n) | BigInt(low)
}

function signed(low: number, high: number): bigint {
  return high < 0x8000_0000 ? unsigned(low, high) : (BigInt(high | 0) << 32n) | BigInt(low)
}
