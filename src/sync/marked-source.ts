// MarkedSource: a change source that also says when its start place is fixed, and which place in the log it ended at.
//
// Owns (per reader): the mark that is to be told. Does not own: reading.
//
// I1. 'begun' comes when the reader was given the log. It is given out once a complete checkpoint holds where the source began: from then on
//     the source will tell every later change, whatever happens.
// I2. 'ended' comes last, from the reader that has the log. Its place is in the log's split from the first on: the same after a restore.

import type { ChangeSplit, Offset } from '../connectors/cdc/index.ts'
import {
  type EnumeratorContext,
  type Polled,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../contract/source-function.ts'
import { batchOf } from '../record/batch.ts'
import type { Change } from '../record/change.ts'

/** What the source says of itself, between its changes. */
export type SourceMark =
  | { readonly mark: 'begun' }
  | { readonly mark: 'ended'; readonly until: Offset; readonly atMs: number }

/** A change, or a mark. */
export type Marked<Row> = Change<Row> | SourceMark

/** Changes of a source, and its marks. */
export class MarkedSource<Row> extends SourceFunction<Marked<Row>, ChangeSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #inner: SourceFunction<Change<Row>, ChangeSplit>
  readonly #begins: (inner: SplitEnumerator, context: EnumeratorContext<ChangeSplit>) => SplitEnumerator

  /** `begins`: makes the enumerator wait for something. */
  constructor(
    inner: SourceFunction<Change<Row>, ChangeSplit>,
    begins: (inner: SplitEnumerator, context: EnumeratorContext<ChangeSplit>) => SplitEnumerator = (inner) => inner,
  ) {
    super()
    this.#inner = inner
    this.#begins = begins
    this.boundedness = inner.boundedness
  }

  createEnumerator(context: EnumeratorContext<ChangeSplit>): SplitEnumerator {
    return this.#begins(this.#inner.createEnumerator(context), context)
  }

  createReader(context: ReaderContext): SourceReader<Marked<Row>, ChangeSplit> {
    return new MarkedReader(this.#inner.createReader(context), this.boundedness === 'bounded', context)
  }
}

class MarkedReader<Row> implements SourceReader<Marked<Row>, ChangeSplit> {
  readonly #inner: SourceReader<Change<Row>, ChangeSplit>
  readonly #ends: boolean
  readonly #context: ReaderContext
  #begun = false
  #until: Offset | undefined

  constructor(inner: SourceReader<Change<Row>, ChangeSplit>, ends: boolean, context: ReaderContext) {
    this.#inner = inner
    this.#ends = ends
    this.#context = context
  }

  async open(): Promise<void> {
    await this.#inner.open?.()
  }

  async addSplits(splits: readonly ChangeSplit[]): Promise<void> {
    await this.#inner.addSplits(splits)
    const log = splits.find((split) => split.kind === 'log')
    if (log === undefined) return
    if (this.#ends) this.#until = log.until
    else this.#begun = true
  }

  noMoreSplits(): void {
    this.#inner.noMoreSplits()
  }

  async onEvent(event: unknown): Promise<void> {
    await this.#inner.onEvent?.(event)
  }

  async poll(maxRecords: number): Promise<Polled<Marked<Row>>> {
    if (this.#begun) {
      this.#begun = false
      return batchOf<Marked<Row>>([{ mark: 'begun' }])
    }
    const polled = await this.#inner.poll(maxRecords)
    const until = this.#until
    if (polled !== 'end' || until === undefined) return polled
    this.#until = undefined
    return batchOf<Marked<Row>>([{ mark: 'ended', until, atMs: this.#context.clock.now() }])
  }

  async available(): Promise<void> {
    if (!this.#begun) await this.#inner.available()
  }

  snapshot(checkpoint: number): readonly ChangeSplit[] {
    return this.#inner.snapshot(checkpoint)
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    await this.#inner.checkpointComplete?.(checkpoint)
  }

  async close(): Promise<void> {
    await this.#inner.close?.()
  }
}
