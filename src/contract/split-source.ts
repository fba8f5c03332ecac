// SplitSource: the base of sources whose splits are known at the start and are read by position.
//
// Owns (per reader): its unfinished splits, each at its present position; whose turn it is.
// Does not own: what a position means, where records come from.
//
// I1. A split is replaced only together with the answer that read from it: snapshot() is right between any two polls.
// I2. Splits take turns: one that always has records does not starve another.
// I3. The enumerator forgets a split when it assigns it: from then on the reader's snapshot has it.

import { BATCH_RECORDS, type Batch } from '../record/batch.ts'
import { type Deferred, deferred } from '../util/deferred.ts'
import type { RuntimeContext } from './runtime-context.ts'
import {
  type EnumeratorContext,
  type Polled,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
} from './source-function.ts'

/** What one read of a split gave: records and the split behind them; nothing until `waitMs` have passed or `wake` is called; its end. */
export type SplitRead<T, S extends SourceSplit> =
  | { readonly batch: Batch<T>; readonly next: S }
  | { readonly waitMs: number; readonly next?: S }
  | 'end'

/** Reads the splits of one subtask. */
export interface SplitReader<T, S extends SourceSplit> {
  open?(): void | Promise<void>
  /** At most about `maxRecords` records from the split's position on. Must not wait for what may not come. */
  read(split: S, maxRecords: number): SplitRead<T, S> | Promise<SplitRead<T, S>>
  /** The splits as they are in this checkpoint. */
  snapshotted?(checkpoint: number, splits: readonly S[]): void
  checkpointComplete?(checkpoint: number): void | Promise<void>
  close?(): void | Promise<void>
}

/** A source with a fixed list of splits, spread evenly over its subtasks. */
export abstract class SplitSource<T, S extends SourceSplit> extends SourceFunction<T, S> {
  /** Called at a fresh start only; a restored run goes on with the splits it has. */
  protected abstract splits(context: RuntimeContext): readonly S[] | Promise<readonly S[]>
  /** `wake` may be called at any time: a read that answered waitMs is then repeated at once. */
  protected abstract createSplitReader(context: ReaderContext, wake: () => void): SplitReader<T, S>

  override createEnumerator(context: EnumeratorContext<S>): SplitEnumerator {
    return new FixedSplits(context, () => this.splits(context))
  }

  override createReader(context: ReaderContext): SourceReader<T, S> {
    return new TurnReader(context, (wake) => this.createSplitReader(context, wake))
  }
}

class FixedSplits<S extends SourceSplit> implements SplitEnumerator {
  readonly #context: EnumeratorContext<S>
  readonly #list: () => readonly S[] | Promise<readonly S[]>
  #unassigned: readonly { readonly index: number; readonly split: S }[] = []

  constructor(context: EnumeratorContext<S>, list: () => readonly S[] | Promise<readonly S[]>) {
    this.#context = context
    this.#list = list
  }

  async start(): Promise<void> {
    const restored = this.#context.restored as { unassigned: readonly { index: number; split: S }[] } | undefined
    if (restored === undefined) {
      this.#unassigned = (await this.#list()).map((split, index) => ({ index, split }))
      return
    }
    this.#unassigned = restored.unassigned
    // A reader that was given splits back may never ask, so it gets its share of the rest now.
    for (let subtask = 0; subtask < this.#context.parallelism; subtask += 1) this.#assignShare(subtask)
  }

  onSplitRequest(subtask: number): void {
    this.#assignShare(subtask)
    this.#context.noMoreSplits(subtask)
  }

  snapshot(): unknown {
    return { unassigned: this.#unassigned }
  }

  #assignShare(subtask: number): void {
    const isShare = ({ index }: { index: number }): boolean => index % this.#context.parallelism === subtask
    const share = this.#unassigned.filter(isShare)
    this.#unassigned = this.#unassigned.filter((entry) => !isShare(entry))
    if (share.length > 0) {
      this.#context.assign(
        subtask,
        share.map(({ split }) => split),
      )
    }
  }
}

class TurnReader<T, S extends SourceSplit> implements SourceReader<T, S> {
  readonly #context: ReaderContext
  readonly #reader: SplitReader<T, S>
  #splits: S[] = []
  #turn = 0
  #lastSplit: string | undefined
  #paused: ReadonlySet<string> = new Set()
  #noMore = false
  #asked = false
  #waitMs = 0
  /** Splits, their end or a wake-up came since the last poll began, which may have missed them. */
  #news = false
  #waiting: { readonly wakeUp: Deferred; readonly cancel: () => void } | undefined

  constructor(context: ReaderContext, makeReader: (wake: () => void) => SplitReader<T, S>) {
    this.#context = context
    this.#reader = makeReader(() => this.#tell())
  }

  open(): void | Promise<void> {
    return this.#reader.open?.()
  }

  addSplits(splits: readonly S[]): void {
    this.#splits.push(...splits)
    this.#tell()
  }

  noMoreSplits(): void {
    this.#noMore = true
    this.#tell()
  }

  get lastSplit(): string | undefined {
    return this.#lastSplit
  }

  pauseSplits(ids: ReadonlySet<string>): void {
    this.#paused = ids
    this.#tell()
  }

  poll(maxRecords: number): Polled<T> | Promise<Polled<T>> {
    this.#waitMs = Number.POSITIVE_INFINITY
    this.#news = false
    return this.#pollFrom(this.#splits.length, Math.min(maxRecords, BATCH_RECORDS))
  }

  available(): Promise<void> {
    if (this.#news) return Promise.resolve()
    // A promise that was given before stays good: were it resolved here, its waiter would poll and come back for ever.
    const wakeUp = this.#waiting?.wakeUp ?? deferred()
    this.#waiting?.cancel()
    const timed = Number.isFinite(this.#waitMs)
    const cancel = timed ? this.#context.clock.schedule(this.#waitMs, () => this.#wake()) : (): void => {}
    this.#waiting = { wakeUp, cancel }
    return wakeUp.promise
  }

  snapshot(checkpoint: number): readonly S[] {
    const splits = [...this.#splits]
    this.#reader.snapshotted?.(checkpoint, splits)
    return splits
  }

  checkpointComplete(checkpoint: number): void | Promise<void> {
    return this.#reader.checkpointComplete?.(checkpoint)
  }

  close(): void | Promise<void> {
    this.#wake()
    return this.#reader.close?.()
  }

  /** Asks split after split, `turns` at most, until one has records. */
  #pollFrom(turns: number, maxRecords: number): Polled<T> | Promise<Polled<T>> {
    for (let left = turns; left > 0; left -= 1) {
      this.#turn = (this.#turn + 1) % this.#splits.length
      const at = this.#turn
      const split = this.#splits[at] as S
      if (this.#paused.has(split.id)) continue
      const read = this.#reader.read(split, maxRecords)
      if (read instanceof Promise) {
        return read.then((settled) => this.#take(at, settled) ?? this.#pollFrom(left - 1, maxRecords))
      }
      const batch = this.#take(at, read)
      if (batch !== undefined) return batch
    }
    return this.#splits.length > 0 ? 'idle' : this.#withoutSplits()
  }

  #take(at: number, read: SplitRead<T, S>): Batch<T> | undefined {
    if (read === 'end') {
      const [ended] = this.#splits.splice(at, 1)
      this.#turn = at - 1
      if (ended !== undefined) this.#context.splitFinished(ended.id)
    } else if ('batch' in read) {
      this.#splits[at] = read.next
      this.#lastSplit = read.next.id
      return read.batch
    } else {
      this.#waitMs = Math.min(this.#waitMs, read.waitMs)
      if (read.next !== undefined) this.#splits[at] = read.next
    }
    return undefined
  }

  #withoutSplits(): Polled<T> {
    if (this.#noMore) return 'end'
    if (!this.#asked) this.#context.requestSplit()
    this.#asked = true
    return 'idle'
  }

  #tell(): void {
    this.#news = true
    this.#wake()
  }

  #wake(): void {
    this.#waiting?.cancel()
    this.#waiting?.wakeUp.resolve()
    this.#waiting = undefined
  }
}
