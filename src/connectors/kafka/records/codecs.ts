// The compressions of record batches. gzip is Node's own, zstd too from 22.15 on; the others are packages that are loaded when
// they may be needed. What is loaded stays loaded, for all sources and sinks of a thread.

import * as zlib from 'node:zlib'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { failureOf } from '../client/failure.ts'
import { unframed } from './xerial.ts'

/** How a batch's records are compressed; a name's index is what the batch says. */
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

export type Compression = (typeof COMPRESSIONS)[number]

/** Both throw what the library throws. */
export interface Codec {
  readonly compress: (bytes: Buffer) => Uint8Array
  readonly decompress: (bytes: Buffer) => Buffer
}

/** A codec that is not Node's own. */
type Packed = Exclude<Compression, 'none' | 'gzip'>

const UNSUPPORTED_COMPRESSION_TYPE = 76
const DECOMPRESSED_BYTES_MAX = 1 << 28

const PACKAGES: Readonly<Record<Packed, string>> = { snappy: 'snappy', lz4: 'lz4-napi', zstd: '@bokuweb/zstd-wasm' }

const LOADERS: Readonly<Record<Packed, () => Promise<Codec>>> = { snappy: loadSnappy, lz4: loadLz4, zstd: loadZstd }

/** Why a package is not there; undefined before it was tried. */
const missing = new Map<Compression, string>()

const loaded = new Map<Compression, Codec>([
  ['gzip', { compress: (bytes) => zlib.gzipSync(bytes), decompress: gunzip }],
])

/** Loads what there is, so that batches of any compression can be read. What is missing is named when a batch needs it. */
export async function openReadCodecs(): Promise<void> {
  await Promise.all((Object.keys(LOADERS) as Packed[]).map(load))
}

/** Loads what a BatchBuilder of this compression needs. Throws CONNECTOR_OPTION where its package is missing. */
export async function openWriteCodec(compression: Compression, connector: string): Promise<void> {
  if (compression !== 'none' && compression !== 'gzip') await load(compression)
  const reason = missing.get(compression)
  if (reason !== undefined) throw new MillraceError('CONNECTOR_OPTION', { path: 'compression', connector, reason })
}

/** The codec of batches that say this number. Throws KafkaFailure UNSUPPORTED_COMPRESSION_TYPE. */
export function readCodec(compression: number, where: string): Codec {
  const name = COMPRESSIONS[compression]
  const codec = name === undefined ? undefined : loaded.get(name)
  if (codec !== undefined) return codec
  const reason = name === undefined ? undefined : (missing.get(name) ?? `no codec for ${name} was opened`)
  throw failureOf(UNSUPPORTED_COMPRESSION_TYPE, where, reason ?? `compression ${compression} is not known`)
}

/** The codec of a compression that openWriteCodec has loaded. */
export function writeCodec(compression: Compression): Codec {
  return readCodec(COMPRESSIONS.indexOf(compression), 'Writing a batch')
}

async function load(name: Packed): Promise<void> {
  if (loaded.has(name)) return
  try {
    loaded.set(name, await LOADERS[name]())
    missing.delete(name)
  } catch (cause) {
    const from = PACKAGES[name]
    missing.set(name, `"${name}" needs the package ${from}: npm install ${from} (loading it: ${reasonOf(cause)})`)
  }
}

function gunzip(bytes: Buffer): Buffer {
  return zlib.gunzipSync(bytes, { maxOutputLength: DECOMPRESSED_BYTES_MAX })
}

async function loadSnappy(): Promise<Codec> {
  const { compressSync, uncompressSync } = await import('snappy')
  const uncompress = (bytes: Buffer): Buffer => uncompressSync(bytes) as Buffer
  return { compress: (bytes) => compressSync(bytes), decompress: (bytes) => unframed(bytes, uncompress) }
}

async function loadLz4(): Promise<Codec> {
  const { compressFrameSync, decompressFrameSync } = await import('lz4-napi')
  return { compress: (bytes) => compressFrameSync(bytes), decompress: (bytes) => decompressFrameSync(bytes) }
}

/** Of zlib from Node 22.15 on, which the types of Node 20 do not have. */
interface ZstdOfNode {
  readonly zstdCompressSync?: (bytes: Buffer) => Buffer
  readonly zstdDecompressSync?: (bytes: Buffer, options: { maxOutputLength: number }) => Buffer
}

async function loadZstd(): Promise<Codec> {
  const { zstdCompressSync: compress, zstdDecompressSync: decompress } = zlib as ZstdOfNode
  if (compress === undefined || decompress === undefined) return loadZstdPackage()
  return { compress, decompress: (bytes) => decompress(bytes, { maxOutputLength: DECOMPRESSED_BYTES_MAX }) }
}

async function loadZstdPackage(): Promise<Codec> {
  const { init, compress, decompress } = await import('@bokuweb/zstd-wasm')
  await init()
  return { compress: (bytes) => compress(bytes), decompress: (bytes) => growing(bytes, decompress) }
}

type Decompress = (bytes: Uint8Array, options: { defaultHeapSize: number }) => Uint8Array

/** The package takes a guess at the size where the frame does not say it, as Java's do not; it is doubled until it suffices. */
function growing(bytes: Buffer, decompress: Decompress): Buffer {
  for (let size = Math.max(1 << 20, bytes.length * 4); ; size *= 2) {
    try {
      const { buffer, byteOffset, length } = decompress(bytes, { defaultHeapSize: size })
      return Buffer.from(buffer, byteOffset, length)
    } catch (cause) {
      if (!TOO_SMALL.test(reasonOf(cause)) || size >= DECOMPRESSED_BYTES_MAX) throw cause
    }
  }
}

/** ZSTD_error_dstSize_tooSmall, as the package says it. */
const TOO_SMALL = /code -70$/
