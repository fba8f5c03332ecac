import type { OpenFile } from '../util/file-system.ts'
import { type Frame, frameBytes, HEADER_BYTES, parseFrame } from './frame.ts'

const CHUNK_BYTES = 1 << 20

/** Reads the frames of one segment in order, in chunks. Payloads are views of chunks that nobody writes again. */
export class SegmentReader {
  readonly #file: OpenFile
  readonly #end: number
  #chunk: Buffer = Buffer.alloc(0)
  /** Of the chunk's first byte, in the file. */
  #chunkStart: number
  #at = 0

  /** Reads from byte `start` to before `end`. */
  constructor(file: OpenFile, start: number, end: number) {
    this.#file = file
    this.#chunkStart = start
    this.#end = end
  }

  /** Where the next frame begins in the file. */
  get offset(): number {
    return this.#chunkStart + this.#at
  }

  /** The next frame; undefined if what is left up to `end` does not begin with a whole and good one. */
  async next(): Promise<Frame | undefined> {
    const length = await this.#frameLength()
    if (length === undefined || !(await this.#have(length))) return undefined
    const frame = parseFrame(this.#chunk, this.#at)
    if (frame !== undefined) this.#at += frame.bytes
    return frame
  }

  async #frameLength(): Promise<number | undefined> {
    return (await this.#have(HEADER_BYTES)) ? frameBytes(this.#chunk, this.#at) : undefined
  }

  /** Makes the next `bytes` bytes available in the chunk; false if the file (up to `end`) has fewer. */
  async #have(bytes: number): Promise<boolean> {
    if (this.#chunk.length - this.#at >= bytes) return true
    if (this.offset + bytes > this.#end) return false
    const size = Math.min(Math.max(bytes, CHUNK_BYTES), this.#end - this.offset)
    const chunk = Buffer.allocUnsafeSlow(size)
    const got = await this.#file.read(chunk, this.offset)
    this.#chunkStart = this.offset
    this.#at = 0
    this.#chunk = chunk.subarray(0, got)
    return got >= bytes
  }
}
