// SavepointWriter: a savepoint file from its first byte to its name.
//
// Owns: the file under its temporary name; where its sections are.
// Does not own: what rows mean, where they come from.
//
// I1. The file gets its name when all of it is durable, and never before: under its name it is whole.
// I2. Memory does not grow with the rows: one block and the index of the section being written.
// I3. The bytes of a section depend on its rows alone.

import { basename, dirname, join } from 'node:path'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Fs, FsFile } from './fs.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import {
  BLOCK_BYTES,
  BlockBuilder,
  encodeFrame,
  encodeHead,
  encodeIndex,
  encodeTrailer,
  type IndexEntry,
  type PortableRow,
  TRAILER_BYTES,
} from './savepoint-format.ts'
import type { SectionPlace } from './state-section.ts'

/** What the first block says, for whoever reads the file from its beginning. */
export interface SavepointHeader {
  readonly job: string
  readonly checkpoint: number
  /** ISO 8601. */
  readonly created: string
  readonly keyGroups: number
}

export class SavepointWriter {
  readonly #fs: Fs
  readonly #target: string
  readonly #partial: string
  readonly #file: FsFile
  #at = 0

  private constructor(fs: Fs, target: string, partial: string, file: FsFile) {
    this.#fs = fs
    this.#target = target
    this.#partial = partial
    this.#file = file
  }

  /** Begins a file beside its place to be. */
  static async create(fs: Fs, target: string, header: SavepointHeader): Promise<SavepointWriter> {
    await makeFolder(fs, dirname(target))
    const partial = join(dirname(target), `${partialPrefix(target)}${process.pid}-${process.hrtime.bigint()}`)
    const writer = new SavepointWriter(fs, target, partial, await fs.create(partial))
    await writer.#write(encodeHead())
    await writer.#block(Buffer.from(JSON.stringify(header)))
    return writer
  }

  /** Writes rows, which come in the order of their keys, then their index. */
  async section(chunks: AsyncIterable<readonly PortableRow[]>): Promise<SectionPlace> {
    const at = this.#at
    const index: Omit<IndexEntry, 'at'>[] = []
    const builder = new BlockBuilder()
    const seal = async (): Promise<void> => {
      const { first } = builder
      if (first === undefined) return
      const begins = this.#at
      await this.#block(builder.take())
      index.push({ first, bytes: this.#at - begins })
    }
    for await (const rows of chunks) {
      for (const row of rows) {
        builder.add(row)
        if (builder.bytes >= BLOCK_BYTES) await seal()
      }
    }
    await seal()
    const indexAt = this.#at
    await this.#block(encodeIndex(index))
    failpoint('savepoint.write.middle')
    return { at, bytes: this.#at - at, indexAt }
  }

  /** Writes what the file holds beside rows, and gives it its name. */
  async finish(contents: Manifest): Promise<void> {
    const contentsAt = this.#at
    await this.#block(encodeManifest(contents))
    await this.#write(encodeTrailer(contentsAt, this.#at + TRAILER_BYTES))
    await this.#file.sync()
    await this.#file.close()
    failpoint('savepoint.rename.before')
    await this.#fs.rename(this.#partial, this.#target)
    failpoint('savepoint.rename.after')
    await this.#fs.syncFolder(dirname(this.#target))
  }

  /** Nothing is left of it. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {}) // finish() may have closed it and failed after that
    await this.#fs.unlink(this.#partial)
  }

  async #block(payload: Uint8Array): Promise<void> {
    await this.#write(encodeFrame(payload))
    await this.#write(payload)
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes)
    this.#at += bytes.byteLength
  }
}

/** Makes a folder so that it survives a power cut: each that is new is an entry of the one above. */
async function makeFolder(fs: Fs, folder: string): Promise<void> {
  const missing: string[] = []
  for (let at = folder; !(await fs.exists(at)); at = dirname(at)) missing.push(at)
  await fs.mkdir(folder)
  for (const made of missing) await fs.syncFolder(dirname(made))
}

/** Begins the temporary name of a savepoint; the process id follows. */
export function partialPrefix(target: string): string {
  return `.${basename(target)}.partial-`
}
