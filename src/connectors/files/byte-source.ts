import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import { identityOf } from './position.ts'

const CHUNK_BYTES = 256 << 10

export interface FileStatus {
  /** Bytes on disk. */
  readonly size: number
  /** It has no name any more, and lives only as long as it is open. */
  readonly removed: boolean
}

/** The bytes of one file from a position on. Calls do not overlap. */
export interface ByteSource {
  /** The next bytes; undefined at the end of the file as it is now. A plain file may have more later. */
  next(): Promise<Buffer | undefined>
  status(): Promise<FileStatus>
  /** The same bytes are there still before a position as were read there. */
  endsWith(bytes: Buffer, position: number): Promise<boolean>
  close(): Promise<void>
}

/** A file that was another one than expected by the time it was opened. */
export class ReplacedError extends Error {}

/** Opens a plain file at a byte. Throws ReplacedError if the path no longer leads to the file `id`. */
export async function openPlain(path: string, id: string, offset: number): Promise<ByteSource> {
  const file = await open(path, 'r')
  try {
    if (identityOf(await file.stat({ bigint: true })) !== id) throw new ReplacedError(path)
    return new PlainBytes(file, offset)
  } catch (error) {
    await file.close()
    throw error
  }
}

class PlainBytes implements ByteSource {
  readonly #file: FileHandle
  #position: number
  #ahead: Promise<Buffer> | undefined

  constructor(file: FileHandle, position: number) {
    this.#file = file
    this.#position = position
  }

  async next(): Promise<Buffer | undefined> {
    const chunk = await (this.#ahead ?? this.#read())
    this.#ahead = undefined
    this.#position += chunk.length
    // Read ahead while this chunk is parsed; not at the end, where what is there later is to be read later.
    if (chunk.length === CHUNK_BYTES) {
      this.#ahead = this.#read()
      this.#ahead.catch(() => {}) // thrown by the next() that awaits it
    }
    return chunk.length === 0 ? undefined : chunk
  }

  async status(): Promise<FileStatus> {
    const { size, nlink } = await this.#file.stat()
    return { size, removed: nlink === 0 }
  }

  async endsWith(bytes: Buffer, position: number): Promise<boolean> {
    const found = Buffer.allocUnsafe(bytes.length)
    const { bytesRead } = await this.#file.read(found, 0, found.length, position - bytes.length)
    return bytesRead === bytes.length && found.equals(bytes)
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => {})
    await this.#file.close()
  }

  async #read(): Promise<Buffer> {
    const into = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    const { bytesRead } = await this.#file.read(into, 0, CHUNK_BYTES, this.#position)
    return into.subarray(0, bytesRead)
  }
}

/** Opens a gzip file at a byte of its uncompressed content: what comes before is unpacked and thrown away. */
export function openGzip(path: string, offset: number): ByteSource {
  return new GzipBytes(path, offset)
}

class GzipBytes implements ByteSource {
  readonly #unpacked: Gunzip
  readonly #chunks: AsyncIterator<Buffer>
  #skip: number
  #unpackedBytes = 0

  constructor(path: string, offset: number) {
    this.#unpacked = createGunzip({ chunkSize: CHUNK_BYTES })
    // A failure of either stream destroys the other: the iteration throws it.
    pipeline(createReadStream(path), this.#unpacked, () => {})
    this.#chunks = this.#unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    this.#skip = offset
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done === true) return undefined
      this.#unpackedBytes += value.length
      const rest = value.subarray(Math.min(this.#skip, value.length))
      this.#skip -= value.length - rest.length
      if (rest.length > 0) return rest
    }
  }

  /** A gzip file is whole when it is opened: its end is its end. */
  status(): Promise<FileStatus> {
    return Promise.resolve({ size: this.#unpackedBytes, removed: false })
  }

  endsWith(): Promise<boolean> {
    return Promise.resolve(true)
  }

  async close(): Promise<void> {
    this.#unpacked.destroy()
  }
}
