// LinePrefix: copies a stream to another that several share, whole lines at a time, each behind a prefix.
//
// Owns: the line that has not ended yet.
//
// I1. Only whole lines are written, so that those of several streams do not mix; a line beyond LINE_BYTES_MAX is cut in two.
// I2. A reader that is slow slows the writer down.

import type { Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

const LINE_BYTES_MAX = 1 << 20

export class LinePrefix {
  readonly #out: Writable
  readonly #prefix: string
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  constructor(from: NodeJS.ReadableStream, out: Writable, prefix: string) {
    this.#out = out
    this.#prefix = prefix
    from.on('data', (bytes: Buffer) => {
      if (this.#take(this.#decoder.write(bytes))) return
      from.pause()
      out.once('drain', () => from.resume())
    })
  }

  /** The stream has ended: writes what is left. */
  end(): void {
    const rest = this.#rest + this.#decoder.end()
    if (rest !== '') this.#out.write(`${this.#prefix}${rest}\n`)
    this.#rest = ''
  }

  #take(text: string): boolean {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > LINE_BYTES_MAX) lines.push(this.#rest)
    if (this.#rest.length > LINE_BYTES_MAX) this.#rest = ''
    if (lines.length === 0) return true
    return this.#out.write(lines.map((line) => `${this.#prefix}${line}\n`).join(''))
  }
}
