// SavepointFile: a savepoint that is read: all of it once, or the blocks that some keys are in.
//
// Owns: the open file; the indexes read so far.
// Does not own: what rows mean.
//
// I1. No byte is believed before a checksum over it was compared, and a file is whole or refused: damage is never an empty state.
// I2. Memory does not grow with the rows: one block and the index of the section being read.

import { MillraceError } from '../../src/errors.ts'
import type { Fs, FsReader } from './fs.ts'
import { decodeManifest, type Manifest, ManifestDamage } from './manifest.ts'
import {
  checkHead,
  FRAME_BYTES,
  HEAD_BYTES,
  type IndexEntry,
  isIntact,
  type PortableRow,
  readIndex,
  readRows,
  readTrailer,
  SavepointDamage,
  TRAILER_BYTES,
} from './savepoint-format.ts'
import type { SavepointHeader } from './savepoint-writer.ts'
import type { SectionPlace } from './state-section.ts'

/** One read brings a block with its frame, as a rule. */
const READ_BYTES = 80 << 10

interface Block {
  readonly payload: Buffer
  readonly end: number
}

export class SavepointFile {
  readonly path: string
  /** What it holds; of keyed state where its rows are. */
  readonly manifest: Manifest
  readonly #reader: FsReader
  readonly #indexes = new Map<number, readonly IndexEntry[]>()

  private constructor(path: string, reader: FsReader, manifest: Manifest) {
    this.path = path
    this.#reader = reader
    this.manifest = manifest
  }

  /** Opens a file and reads its ends. Undefined: there is no file of that name. Throws SAVEPOINT_CORRUPT, SAVEPOINT_VERSION. */
  static async open(fs: Fs, path: string): Promise<SavepointFile | undefined> {
    const reader = await fs.open(path)
    if (reader === undefined) return undefined
    try {
      return new SavepointFile(path, reader, await named(path, () => readEnds(reader, path)))
    } catch (error) {
      await reader.close()
      throw error
    }
  }

  /** Reads every byte. Throws SAVEPOINT_CORRUPT. */
  verify(): Promise<void> {
    return named(this.path, async () => {
      const end = this.#reader.bytes - TRAILER_BYTES
      let at = HEAD_BYTES
      while (at < end) at = (await readBlock(this.#reader, at)).end
    })
  }

  /** Rows with from <= key < to, in order. Throws SAVEPOINT_CORRUPT. */
  async *scan(place: SectionPlace, from: Buffer, to: Buffer): AsyncGenerator<readonly PortableRow[]> {
    const index = await this.#index(place)
    for (let i = blockOf(index, from); i < index.length; i++) {
      const entry = index[i] as IndexEntry
      if (Buffer.compare(entry.first, to) >= 0) return
      const { payload } = await named(this.path, () => readBlock(this.#reader, place.at + entry.at))
      const rows = readRows(payload)
      yield rows.filter(([key]) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0)
    }
  }

  close(): Promise<void> {
    return this.#reader.close()
  }

  async #index({ indexAt }: SectionPlace): Promise<readonly IndexEntry[]> {
    const known = this.#indexes.get(indexAt)
    if (known !== undefined) return known
    const { payload } = await named(this.path, () => readBlock(this.#reader, indexAt))
    const index = readIndex(payload)
    this.#indexes.set(indexAt, index)
    return index
  }
}

/** Reads what a savepoint holds, every byte of it checked. Undefined: there is no such file. Throws SAVEPOINT_CORRUPT, SAVEPOINT_VERSION. */
export async function loadSavepoint(fs: Fs, path: string): Promise<Manifest | undefined> {
  const file = await SavepointFile.open(fs, path)
  try {
    await file?.verify()
    return file?.manifest
  } finally {
    await file?.close()
  }
}

async function readEnds(reader: FsReader, path: string): Promise<Manifest> {
  const { bytes } = reader
  // The head tells a newer format, which may end otherwise; what is too short for one is no savepoint at all.
  if (bytes < HEAD_BYTES + TRAILER_BYTES) throw new SavepointDamage(bytes, `it ends after ${bytes} bytes`)
  checkHead(await reader.read(0, HEAD_BYTES), path)
  const contentsAt = readTrailer(await reader.read(bytes - TRAILER_BYTES, TRAILER_BYTES), bytes)
  const { payload, end } = await readBlock(reader, contentsAt)
  if (end !== bytes - TRAILER_BYTES) throw new SavepointDamage(contentsAt, 'its contents do not reach to its end')
  const manifest = readContents(payload, contentsAt, path)
  const header = JSON.parse((await readBlock(reader, HEAD_BYTES)).payload.toString()) as SavepointHeader
  if (header.job !== manifest.job || header.checkpoint !== manifest.id) {
    throw new SavepointDamage(HEAD_BYTES, 'its beginning is of one savepoint and its end of another')
  }
  return manifest
}

function readContents(payload: Buffer, at: number, path: string): Manifest {
  try {
    return decodeManifest(payload, path)
  } catch (error) {
    if (error instanceof ManifestDamage) throw new SavepointDamage(at, error.message)
    throw error
  }
}

async function readBlock(reader: FsReader, at: number): Promise<Block> {
  const limit = reader.bytes - TRAILER_BYTES
  if (at + FRAME_BYTES > limit) throw new SavepointDamage(at, 'a block begins behind the end')
  const first = await reader.read(at, Math.min(READ_BYTES, limit - at))
  const frame = first.subarray(0, FRAME_BYTES)
  const end = at + FRAME_BYTES + frame.readUInt32BE(0)
  if (end > limit) throw new SavepointDamage(at, 'a block does not end before the file does')
  const have = first.subarray(FRAME_BYTES, end - at)
  const more = end - at - first.length
  const payload = more <= 0 ? have : Buffer.concat([have, await reader.read(at + first.length, more)])
  if (!isIntact(frame, payload)) throw new SavepointDamage(at, 'a block does not match its checksum')
  return { payload, end }
}

/** The last block that begins at or before the key; rows at and after the key begin there. */
function blockOf(index: readonly IndexEntry[], key: Buffer): number {
  let low = 0
  let high = index.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare((index[middle] as IndexEntry).first, key) <= 0) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

async function named<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SavepointDamage)) throw error
    throw new MillraceError('SAVEPOINT_CORRUPT', { file, offset: error.offset, reason: error.message }, error)
  }
}
