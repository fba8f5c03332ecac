// EventLog: what happened to a job, one JSON line each, kept across runs.
//
// Owns: events.ndjson and events.1.ndjson, the file before it.
// Does not own: what is an event; showing them.
//
// I1. Lines are in the order told. A line may be lost by a crash, for nothing is decided by this file.
// I2. Two files of at most about `fileBytesMax` each, however long the job runs; and at most `linesMax` lines wait in memory,
//     beyond which the oldest are given up (a full disk must not fill the heap).

import { appendFile, rename, stat } from 'node:fs/promises'
import type { RunEvent } from './run-types.ts'

export interface EventLogOptions {
  readonly path: string
  readonly fileBytesMax: number
  readonly linesMax: number
}

export class EventLog {
  readonly #options: EventLogOptions
  #lines: string[] = []
  #writing: Promise<void> | undefined
  #bytes: number | undefined

  constructor(options: EventLogOptions) {
    this.#options = options
  }

  append(event: RunEvent): void {
    if (this.#lines.length >= this.#options.linesMax) this.#lines.shift()
    this.#lines.push(`${JSON.stringify(event)}\n`)
    this.#writing ??= this.#write()
  }

  /** Resolves when everything told so far was written, or could not be. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #write(): Promise<void> {
    try {
      while (this.#lines.length > 0) await this.#writeSome(this.#lines.splice(0).join(''))
    } catch {
      // Whatever stops these lines from being written (a full disk) is told where it matters: by the checkpoint that fails.
    } finally {
      this.#writing = undefined
    }
  }

  async #writeSome(text: string): Promise<void> {
    const { path, fileBytesMax } = this.#options
    this.#bytes ??= await stat(path).then(
      (found) => found.size,
      () => 0,
    )
    if (this.#bytes > fileBytesMax) {
      await rename(path, path.replace(/(\.ndjson)?$/, '.1$1'))
      this.#bytes = 0
    }
    await appendFile(path, text)
    this.#bytes += Buffer.byteLength(text)
  }
}
