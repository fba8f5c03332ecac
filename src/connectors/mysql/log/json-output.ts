const QUOTE = 0x22
const BACKSLASH = 0x5c
const DASH = 0x2d
const ZERO = 0x30
/** A sign and the digits of 2^53. */
const INTEGER_DIGITS = 17
const HEX = Buffer.from('0123456789abcdef')

/** \u001f */
const ESCAPED_BYTES_MAX = 6
/** So much of a string at once, that room for its escapes stays small. */
const CHUNK_BYTES = 4096

/** What stands behind the backslash, for the bytes that have a short escape. */
const ESCAPES = new Map<number, number>([
  [0x08, 0x62],
  [0x09, 0x74],
  [0x0a, 0x6e],
  [0x0c, 0x66],
  [0x0d, 0x72],
  [QUOTE, QUOTE],
  [BACKSLASH, BACKSLASH],
])

/** What is kept for the next document. */
const KEPT_BYTES = 1 << 16

/** The text of one document after another, as bytes of UTF-8 while it grows. */
export class JsonOutput {
  #bytes = Buffer.allocUnsafe(KEPT_BYTES)
  #length = 0
  #isAscii = true

  byte(code: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = code
  }

  comma(): void {
    this.#reserve(2)
    this.#bytes[this.#length++] = 0x2c
    this.#bytes[this.#length++] = 0x20
  }

  colon(): void {
    this.#reserve(2)
    this.#bytes[this.#length++] = 0x3a
    this.#bytes[this.#length++] = 0x20
  }

  ascii(text: string): void {
    this.#reserve(text.length)
    for (let i = 0; i < text.length; i += 1) this.#bytes[this.#length++] = text.charCodeAt(i)
  }

  /** A string in quotes, escaped: `/` and what is beyond ASCII are not. */
  quoted(from: Buffer, start: number, end: number): void {
    if (end > from.length) throw new RangeError(`a JSON string that ends ${end - from.length} bytes behind the rows`)
    this.byte(QUOTE)
    for (let at = start; at < end; at += CHUNK_BYTES) this.#escape(from, at, Math.min(at + CHUNK_BYTES, end))
    this.byte(QUOTE)
  }

  #escape(from: Buffer, start: number, end: number): void {
    this.#reserve((end - start) * ESCAPED_BYTES_MAX)
    const bytes = this.#bytes
    let length = this.#length
    let all = 0
    for (let i = start; i < end; i += 1) {
      const byte = from[i] as number
      all |= byte
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) bytes[length++] = byte
      else length = writeEscaped(bytes, length, byte)
    }
    this.#length = length
    if (all > 0x7f) this.#isAscii = false
  }

  /** A whole number that is safe. */
  integer(value: number): void {
    this.#reserve(INTEGER_DIGITS)
    let rest = value
    if (rest < 0) {
      this.#bytes[this.#length++] = DASH
      rest = -rest
    }
    let digits = 1
    for (let limit = 10; rest >= limit; limit *= 10) digits += 1
    this.#length += digits
    let at = this.#length
    do {
      const tenth = Math.floor(rest / 10)
      this.#bytes[--at] = ZERO + rest - tenth * 10
      rest = tenth
    } while (rest > 0)
  }

  /** The text, and what comes next begins another. */
  take(): string {
    const text = this.#bytes.toString(this.#isAscii ? 'latin1' : 'utf8', 0, this.#length)
    this.clear()
    return text
  }

  clear(): void {
    this.#length = 0
    this.#isAscii = true
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(KEPT_BYTES)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** Where the escaped byte ends. */
function writeEscaped(bytes: Buffer, at: number, byte: number): number {
  bytes[at] = BACKSLASH
  const short = ESCAPES.get(byte)
  if (short !== undefined) {
    bytes[at + 1] = short
    return at + 2
  }
  bytes.write('u00', at + 1, 'latin1')
  bytes[at + 4] = HEX[byte >> 4] as number
  bytes[at + 5] = HEX[byte & 15] as number
  return at + 6
}
