import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)
const BUFFER_CHARACTERS = 512 << 10

/**
 * One part being written. Text is gathered and written in large pieces, one at a time: append() answers a promise when the writer
 * is to wait for the disk. A gzip part is a row of gzip members, as every reader of gzip takes it.
 */
export class PartWriter {
  /** Characters taken so far, before encoding and compression: near enough to bytes to decide when to roll. */
  size = 0
  readonly path: string
  readonly #file: FileHandle
  readonly #gzip: boolean
  #text: string[] = []
  #textSize = 0
  #writing: Promise<void> | undefined

  private constructor(path: string, file: FileHandle, gzip: boolean) {
    this.path = path
    this.#file = file
    this.#gzip = gzip
  }

  static async create(path: string, options: { readonly gzip: boolean }): Promise<PartWriter> {
    return new PartWriter(path, await open(path, 'w'), options.gzip)
  }

  append(text: string): void | Promise<void> {
    this.#text.push(text)
    this.#textSize += text.length
    this.size += text.length
    if (this.#textSize < BUFFER_CHARACTERS) return
    return this.#flush()
  }

  /** Makes all of it durable and lets go of the file. */
  async finish(): Promise<void> {
    await this.#flush()
    await this.#writing
    await this.#file.sync()
    await this.#file.close()
  }

  /** Lets go of the file, whatever is in it. */
  async abandon(): Promise<void> {
    await this.#writing?.catch(() => {})
    await this.#file.close().catch(() => {}) // finish() may have closed it and failed after that
  }

  /** Waits for the piece being written, and begins to write the next: one is written while another is filled. */
  async #flush(): Promise<void> {
    await this.#writing
    const text = this.#text.join('')
    this.#text = []
    this.#textSize = 0
    if (text === '') return
    this.#writing = this.#write(text)
    this.#writing.catch(() => {}) // thrown by whoever awaits it next
  }

  async #write(text: string): Promise<void> {
    await this.#file.writeFile(this.#gzip ? await compress(text) : text)
  }
}
