// WireWriter: values in protobuf's wire format, in a buffer that grows.
//
// Owns: the bytes written since the last finish().
// Does not own: which fields there are.

const BYTES_START = 1024

/** See the head of this file. Ranges are the caller's to check. */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(BYTES_START)
  #length = 0

  /** A copy of what was written; the next message begins. */
  finish(): Buffer {
    const copy = Buffer.from(this.#bytes.subarray(0, this.#length))
    this.#length = 0
    return copy
  }

  /** Forgets what was written of a message that turned out wrong. */
  reset(): void {
    this.#length = 0
  }

  uint32(value: number): void {
    const at = this.#room(5)
    this.#length = this.#varint(value, at)
  }

  /** Negative numbers take ten bytes, as if they had 64 bits. */
  int32(value: number): void {
    if (value >= 0) this.uint32(value)
    else this.varint64(BigInt(value))
  }

  sint32(value: number): void {
    this.uint32(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Signed or unsigned. */
  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    let at = this.#room(10)
    while (rest > 0xffff_ffffn) {
      this.#bytes[at] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
      at += 1
    }
    this.#length = this.#varint(Number(rest), at)
  }

  sint64(value: bigint): void {
    this.varint64((value << 1n) ^ (value >> 63n))
  }

  fixed32(value: number): void {
    const at = this.#room(4)
    this.#length = this.#bytes.writeInt32LE(value | 0, at)
  }

  fixed64(value: bigint): void {
    const at = this.#room(8)
    this.#length = this.#bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at)
  }

  float(value: number): void {
    const at = this.#room(4)
    this.#length = this.#bytes.writeFloatLE(value, at)
  }

  double(value: number): void {
    const at = this.#room(8)
    this.#length = this.#bytes.writeDoubleLE(value, at)
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.uint32(length)
    const at = this.#room(length)
    this.#length = at + this.#bytes.write(value, at)
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length)
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
    this.#length = at + value.length
  }

  /** Begins a piece whose length goes before it; give what comes back to endPiece(). */
  beginPiece(): number {
    this.#length = this.#room(1) + 1
    return this.#length
  }

  endPiece(start: number): void {
    const length = this.#length - start
    const more = sizeOf(length) - 1
    if (more > 0) {
      this.#room(more)
      this.#bytes.copyWithin(start + more, start, this.#length)
      this.#length += more
    }
    this.#varint(length, start - 1)
  }

  #varint(value: number, start: number): number {
    const bytes = this.#bytes
    let rest = value
    let at = start
    while (rest > 0x7f) {
      bytes[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
      at += 1
    }
    bytes[at] = rest
    return at + 1
  }

  /** Where the next bytes go, of which there is then room for so many; `#bytes` may be another buffer then. */
  #room(length: number): number {
    const needed = this.#length + length
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    return this.#length
  }
}

function sizeOf(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) size += 1
  return size
}
