import { assert } from '../../src/util/assert.ts'

/** Reads what ByteWriter wrote. Throws INVARIANT past the end. */
export class ByteReader {
  readonly buffer: Buffer
  readonly end: number
  at: number

  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  get more(): boolean {
    return this.at < this.end
  }

  skip(length: number): this {
    this.#take(length)
    return this
  }

  u8(): number {
    return this.buffer[this.#take(1)] as number
  }

  u16(): number {
    return this.buffer.readUInt16BE(this.#take(2))
  }

  i32(): number {
    return this.buffer.readInt32BE(this.#take(4))
  }

  f64(): number {
    return this.buffer.readDoubleBE(this.#take(8))
  }

  orderedF64(): number {
    const copy = Buffer.from(this.bytes(8))
    if ((copy[0] as number) >= 0x80) copy[0] = (copy[0] as number) & 0x7f
    else for (let i = 0; i < 8; i++) copy[i] = ~(copy[i] as number)
    return copy.readDoubleBE(0)
  }

  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  /** A view, not a copy. */
  bytes(length: number): Buffer {
    const from = this.#take(length)
    return this.buffer.subarray(from, from + length)
  }

  /** A reader of the next `length` bytes only. */
  part(length: number): ByteReader {
    const from = this.#take(length)
    return new ByteReader(this.buffer, from, from + length)
  }

  text(length: number, encoding: 'utf8' | 'utf16le'): string {
    const from = this.#take(length)
    return this.buffer.toString(encoding, from, from + length)
  }

  #take(length: number): number {
    const from = this.at
    assert(length <= this.end - from, 'a state row ends in the middle')
    this.at = from + length
    return from
  }
}
