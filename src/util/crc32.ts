import * as zlib from 'node:zlib'

// Node has it since 20.15 and 22.2; older ones and the types of 20 do not know it.
const native = (zlib as { crc32?: (data: Uint8Array, value?: number) => number }).crc32

/** CRC-32 (IEEE) of the bytes, unsigned; `seed` is the CRC of what went before. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return native === undefined ? crc32ByTable(bytes, seed) : native(bytes, seed)
}

const TABLE = makeTable()

/** The same in plain JavaScript, for a Node without zlib.crc32. */
export function crc32ByTable(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed
  for (let i = 0; i < bytes.length; i++) crc = (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTable(): Int32Array {
  const table = new Int32Array(256)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    table[n] = c
  }
  return table
}
