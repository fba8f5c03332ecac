// Made-up records at the pace of checkpoints: however slow the machine is, the job passes the steps of so many of them.

import type { ReaderContext, SplitRead, SplitReader } from 'millrace'
import { type GenerateOptions, GenerateSource, type GenerateSplit } from 'millrace/connectors/generate'

/** How soon one that waits for a barrier looks again. */
const WAIT_MS = 10

/**
 * From one barrier to the next each reader gives at most `perCheckpoint` records. Where that is a limit, a process that is to be killed at a
 * step does not end before it comes there.
 */
export class PacedSource<T> extends GenerateSource<T> {
  readonly #perCheckpoint: number

  constructor(options: GenerateOptions<T>, perCheckpoint: number) {
    super(options)
    this.#perCheckpoint = perCheckpoint
  }

  protected override createSplitReader(context: ReaderContext): SplitReader<T, GenerateSplit> {
    const reader = super.createSplitReader(context)
    return Number.isFinite(this.#perCheckpoint) ? new PacedReader(reader, this.#perCheckpoint) : reader
  }
}

class PacedReader<T> implements SplitReader<T, GenerateSplit> {
  readonly #reader: SplitReader<T, GenerateSplit>
  readonly #perCheckpoint: number
  readonly #staysOpen = process.env.MILLRACE_FAILPOINT !== undefined
  /** Up to the next barrier. */
  #left: number

  constructor(reader: SplitReader<T, GenerateSplit>, perCheckpoint: number) {
    this.#reader = reader
    this.#perCheckpoint = perCheckpoint
    this.#left = perCheckpoint
  }

  async read(split: GenerateSplit, maxRecords: number): Promise<SplitRead<T, GenerateSplit>> {
    if (this.#left === 0) return { waitMs: WAIT_MS }
    const read = await this.#reader.read(split, Math.min(maxRecords, this.#left))
    if (read === 'end') return this.#staysOpen ? { waitMs: WAIT_MS } : read
    if ('batch' in read) this.#left -= read.batch.values.length
    return read
  }

  snapshotted(): void {
    this.#left = this.#perCheckpoint
  }
}
