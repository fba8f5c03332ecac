import * as zlib from 'node:zlib'

/**
 * CRC-32 (ISO-HDLC, polynomial 0xEDB88320, as in gzip) of the bytes, unsigned; `seed` is the CRC of what came before them.
 * Node has it in C from 20.15 on; older ones take the table.
 */
export const crc32: (bytes: Uint8Array, seed?: number) => number =
  typeof zlib.crc32 === 'function' ? (bytes, seed = 0) => zlib.crc32(bytes, seed) : crc32ByTable

let table: Uint32Array | undefined

/** The same by a table of 256 entries, for a Node without zlib.crc32. */
export function crc32ByTable(bytes: Uint8Array, seed = 0): number {
  table ??= makeTable()
  let crc = ~seed
  for (let i = 0; i < bytes.length; i += 1) {
    crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n
    for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    return c
  })
}
