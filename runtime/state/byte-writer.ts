// ByteWriter: a growing buffer that rows are written into, reused row after row.
//
// Owns: its buffer. Does not own: what the bytes mean.
//
// I1. A view is valid until the next write: RocksDB's binding copies it at once.

const CACHED_VIEWS = 1024

/** Writes bytes one after the other; reset() begins anew without giving memory back. */
export class ByteWriter {
  #buffer: Buffer
  #views: (Buffer | undefined)[] = []
  length = 0

  constructor(initialBytes = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  reset(): void {
    this.length = 0
  }

  /** What was written since reset(), without a copy and mostly without an allocation. */
  view(): Buffer {
    const length = this.length
    if (length >= CACHED_VIEWS) return this.#buffer.subarray(0, length)
    const known = this.#views[length]
    if (known !== undefined) return known
    const view = this.#buffer.subarray(0, length)
    this.#views[length] = view
    return view
  }

  /** A copy of its own. */
  copy(): Buffer {
    return Buffer.from(this.view())
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.length++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#buffer[this.length++] = value >>> 8
    this.#buffer[this.length++] = value
  }

  i32(value: number): void {
    this.#reserve(4)
    this.length = this.#buffer.writeInt32BE(value, this.length)
  }

  f64(value: number): void {
    this.#reserve(8)
    this.length = this.#buffer.writeDoubleBE(value, this.length)
  }

  /** An f64 whose bytes sort as the numbers do. */
  orderedF64(value: number): void {
    const at = this.length
    this.f64(value)
    const buffer = this.#buffer
    const negative = (buffer[at] as number) >= 0x80
    if (!negative) buffer[at] = (buffer[at] as number) | 0x80
    else for (let i = at; i < at + 8; i++) buffer[i] = ~(buffer[i] as number)
  }

  /** 1 byte below 128, up to 5. */
  varint(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.length++] = rest
  }

  bytes(source: Uint8Array): void {
    this.#reserve(source.length)
    this.#buffer.set(source, this.length)
    this.length += source.length
  }

  text(value: string, encoding: 'utf8' | 'utf16le'): void {
    this.#reserve(value.length * 3)
    this.length += this.#buffer.write(value, this.length, encoding)
  }

  /** Leaves room for a length; what is written until closeLength() is counted by it. */
  openLength(): number {
    this.#reserve(1)
    return this.length++
  }

  /** Writes how much was written since openLength() answered `at`, as a varint in front of it. */
  closeLength(at: number): void {
    const from = at + 1
    const length = this.length - from
    if (length < 0x80) {
      this.#buffer[at] = length
      return
    }
    let width = 1
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) width++
    // As much as varint() will ask for: growing the buffer in between would lose what was moved.
    this.#reserve(5)
    this.#buffer.copyWithin(at + width, from, this.length)
    this.length = at
    this.varint(length)
    this.length = at + width + length
  }

  #reserve(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.length)
    this.#buffer = grown
    this.#views = []
  }
}
