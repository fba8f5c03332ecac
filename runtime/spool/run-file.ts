// RunFile: sorted records on disk, written once and read once, frame after frame. It does not outlive its process: what is needed to
// read it (where frames are, what their bytes add up to) stays in the heap.
//
// Owns: its file, which is gone when it was read or is closed. Does not own: the folder.
//
// I1. A frame that does not come back as it was written is an error, never a record.

import { MillraceError, reasonOf } from '../../src/errors.ts'
import type { Batch } from '../../src/record/batch.ts'
import { crc32 } from '../../src/util/crc32.ts'
import type { FileSystem, OpenFile } from '../../src/util/file-system.ts'
import { FrameCodec } from '../channel/frame.ts'
import type { SortedBatches } from './sorted-batches.ts'

/** Frames are written together, so many bytes at a time. */
const WRITE_BYTES = 1 << 20

export interface RunPlace {
  readonly fileSystem: FileSystem
  readonly path: string
  /** Named when a record cannot be written. */
  readonly node: string
}

export class RunFile implements SortedBatches {
  readonly #place: RunPlace
  readonly #codec = new FrameCodec()
  readonly #lengths: number[] = []
  readonly #checksums: number[] = []
  #file: OpenFile | undefined
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #written = 0
  /** The frame to be read next, and where it begins. */
  #frame = 0
  #offset = 0
  #ahead: Promise<Uint8Array | undefined> | undefined

  private constructor(place: RunPlace) {
    this.#place = place
  }

  /** A new file. Throws IO. */
  static async create(place: RunPlace): Promise<RunFile> {
    const run = new RunFile(place)
    run.#file = await run.#io('create', () => place.fileSystem.open(place.path, 'create'))
    return run
  }

  get bytes(): number {
    return this.#written + this.#pendingBytes
  }

  /** Adds a batch as one frame. Throws RECORD_CODEC, IO. */
  write(batch: Batch): Promise<void> | undefined {
    const frame = this.#codec.encode(batch, this.#place.node)
    this.#lengths.push(frame.length)
    this.#checksums.push(crc32(frame))
    this.#pending.push(frame)
    this.#pendingBytes += frame.length
    return this.#pendingBytes < WRITE_BYTES ? undefined : this.#flush()
  }

  /** After the last write: the file is kept, but not open, until it is read. */
  async finish(): Promise<void> {
    await this.#flush()
    await this.#closeFile()
  }

  async next(): Promise<Batch | undefined> {
    const reading = this.#ahead ?? this.#read()
    const frame = await reading
    if (frame === undefined) return undefined
    this.#ahead = this.#read()
    // Whoever asks for it gets the error.
    this.#ahead.catch(() => {})
    return this.#codec.decode(frame)
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => {})
    await this.#closeFile()
    await this.#io('remove', () => this.#place.fileSystem.remove(this.#place.path))
  }

  async #read(): Promise<Uint8Array | undefined> {
    const length = this.#lengths[this.#frame]
    if (length === undefined) return undefined
    const { fileSystem, path } = this.#place
    const offset = this.#offset
    const frame = new Uint8Array(length)
    this.#file ??= await this.#io('open', () => fileSystem.open(path, 'read'))
    const file = this.#file
    const read = await this.#io('read', () => file.read(frame, offset))
    if (read < length || crc32(frame) !== this.#checksums[this.#frame]) {
      const reason = `its bytes from ${offset} on are not those that were written`
      throw new MillraceError('IO', { action: 'read', path, reason })
    }
    this.#frame += 1
    this.#offset += length
    return frame
  }

  async #flush(): Promise<void> {
    const parts = this.#pending
    if (parts.length === 0) return
    this.#pending = []
    const at = this.#written
    this.#written += this.#pendingBytes
    this.#pendingBytes = 0
    await this.#io('write', async () => this.#file?.write(parts, at))
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) await this.#io('close', () => file.close())
  }

  async #io<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw new MillraceError('IO', { action, path: this.#place.path, reason: reasonOf(error) }, error)
    }
  }
}
