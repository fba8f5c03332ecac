import type { OpenFile } from '../util/file-system.ts'
import { type Frame, frameBytes, parseFrame } from './frame.ts'

const CHUNK_BYTES = 1 << 20
const EMPTY = Buffer.alloc(0)

/** Reads the frames of one segment in order, in chunks of 1 MiB or one frame. Payloads are views of chunks that nobody writes again. */
export class SegmentReader {
  readonly #file: OpenFile
  #chunk = EMPTY
  /** Of the chunk's first byte, in the file. */
  #chunkStart: number
  #at = 0
  #isAtEnd = false

  /** Reads from byte `start` on. */
  constructor(file: OpenFile, start: number) {
    this.#file = file
    this.#chunkStart = start
  }

  /** Where the next frame begins in the file. */
  get offset(): number {
    return this.#chunkStart + this.#at
  }

  /** Whether the last read() found the file to end where the next frame would begin. */
  get isAtEnd(): boolean {
    return this.#isAtEnd
  }

  /** The next frame, if it is whole and good in what was read. */
  take(): Frame | undefined {
    const frame = parseFrame(this.#chunk, this.#at)
    if (frame !== undefined) this.#at += frame.bytes
    return frame
  }

  /** The next frame, read from the file as it is now; undefined if there is no whole and good one. */
  async read(): Promise<Frame | undefined> {
    const left = (await this.#file.size()) - this.offset
    this.#isAtEnd = left === 0
    await this.#load(Math.min(left, CHUNK_BYTES))
    const bytes = frameBytes(this.#chunk, 0)
    // A length that the file has no room for is garbage: nothing is allocated for it.
    if (bytes === undefined || bytes > left) return undefined
    if (bytes > this.#chunk.length) await this.#load(bytes)
    return this.take()
  }

  /** Lets go of what was read and not taken. */
  forget(): void {
    this.#chunkStart = this.offset
    this.#at = 0
    this.#chunk = EMPTY
  }

  async #load(bytes: number): Promise<void> {
    this.forget()
    if (bytes <= 0) return
    const chunk = Buffer.allocUnsafeSlow(bytes)
    this.#chunk = chunk.subarray(0, await this.#file.read(chunk, this.#chunkStart))
  }
}
