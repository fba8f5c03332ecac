// MarkedSource: a change source that also says when its start place is fixed, and which place in the log it ended at.
//
// Owns (per reader): the mark that is to be told. Does not own: reading.
//
// I1. 'begun' comes when the reader was given the log. It is given out once a complete checkpoint holds where the source began: from then on
//     the source will tell every later change, whatever happens.
// I2. 'ended' comes last, from the reader that has the log. Its place is in the log's split: the same after a restore.

import type { ChangeSplit, Offset } from '../connectors/cdc/index.ts'
import type { RuntimeContext } from '../contract/runtime-context.ts'
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
import { assert } from '../util/assert.ts'
import { type Condition, LateStart, Reminder } from './late-start.ts'

/** Asks a reader for its splits. */
const NO_CHECKPOINT = -1

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
  readonly #condition: ((context: RuntimeContext) => Condition) | undefined

  /** `condition`: it begins to read when this is met. */
  constructor(inner: SourceFunction<Change<Row>, ChangeSplit>, condition?: (context: RuntimeContext) => Condition) {
    super()
    this.#inner = inner
    this.#condition = condition
    this.boundedness = inner.boundedness
  }

  createEnumerator(context: EnumeratorContext<ChangeSplit>): SplitEnumerator {
    const inner = this.#inner.createEnumerator(context)
    return this.#condition === undefined ? inner : new LateStart(inner, this.#condition(context), context.logger)
  }

  createReader(context: ReaderContext): SourceReader<Marked<Row>, ChangeSplit> {
    const reminder = this.#condition === undefined ? undefined : new Reminder(context)
    const reader = this.#inner.createReader(context)
    return new MarkedReader(reader, { ends: this.boundedness === 'bounded', reminder, context })
  }
}

interface MarkedReaderOptions {
  /** It tells its end, and else its beginning. */
  readonly ends: boolean
  readonly reminder: Reminder | undefined
  readonly context: ReaderContext
}

class MarkedReader<Row> implements SourceReader<Marked<Row>, ChangeSplit> {
  readonly #inner: SourceReader<Change<Row>, ChangeSplit>
  readonly #options: MarkedReaderOptions
  #begun = false
  #ending = false

  constructor(inner: SourceReader<Change<Row>, ChangeSplit>, options: MarkedReaderOptions) {
    this.#inner = inner
    this.#options = options
  }

  async open(): Promise<void> {
    await this.#inner.open?.()
  }

  async addSplits(splits: readonly ChangeSplit[]): Promise<void> {
    this.#options.reminder?.done()
    await this.#inner.addSplits(splits)
    const log = splits.find((split) => split.kind === 'log')
    if (log === undefined) return
    if (this.#options.ends) this.#ending = true
    else this.#begun = true
  }

  noMoreSplits(): void {
    this.#options.reminder?.done()
    this.#inner.noMoreSplits()
  }

  async onEvent(event: unknown): Promise<void> {
    await this.#inner.onEvent?.(event)
  }

  async poll(maxRecords: number): Promise<Polled<Marked<Row>>> {
    this.#options.reminder?.remind()
    if (this.#begun) {
      this.#begun = false
      return batchOf<Marked<Row>>([{ mark: 'begun' }])
    }
    const polled = await this.#inner.poll(maxRecords)
    if (polled !== 'end' || !this.#ending) return polled
    this.#ending = false
    // A table that was read anew meanwhile moves the end on.
    const until = this.#inner.snapshot(NO_CHECKPOINT).find((split) => split.kind === 'log')?.until
    assert(until !== undefined, 'a snapshot of tables has an end')
    return batchOf<Marked<Row>>([{ mark: 'ended', until, atMs: this.#options.context.clock.now() }])
  }

  async available(): Promise<void> {
    if (this.#begun) return
    const { reminder } = this.#options
    await (reminder === undefined ? this.#inner.available() : reminder.orElse(this.#inner.available()))
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
