import {
  BATCH_RECORDS,
  batchOf,
  type EnumeratorContext,
  type Polled,
  SourceFunction,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
} from 'millrace'

interface CountSplit extends SourceSplit {
  readonly next: number
  readonly end: number
}

/** Records make(0) … make(count - 1), as fast as they are asked for, in one contiguous split for each subtask. */
export class CountSource<T> extends SourceFunction<T, CountSplit> {
  readonly boundedness = 'bounded'
  readonly #count: number
  readonly #make: (i: number) => T
  readonly #onFirst: () => void

  /** `onFirst` is called before the first record is made: a stopwatch starts there. */
  constructor(count: number, make: (i: number) => T, onFirst: () => void = () => undefined) {
    super()
    this.#count = count
    this.#make = make
    this.#onFirst = onFirst
  }

  createEnumerator(context: EnumeratorContext<CountSplit>): SplitEnumerator {
    const given = new Set<number>(context.restored as readonly number[] | undefined)
    return {
      start: () => undefined,
      onSplitRequest: (subtask) => {
        if (!given.has(subtask)) context.assign(subtask, [this.#splitOf(subtask, context.parallelism)])
        given.add(subtask)
        context.noMoreSplits(subtask)
      },
      snapshot: () => [...given],
    }
  }

  createReader(): SourceReader<T, CountSplit> {
    return new CountReader(this.#make, this.#onFirst)
  }

  #splitOf(subtask: number, parallelism: number): CountSplit {
    const at = (part: number): number => Math.floor((this.#count * part) / parallelism)
    return { id: `part-${subtask}`, next: at(subtask), end: at(subtask + 1) }
  }
}

/** Reads its splits one after the other; `#splits` holds those not begun, the one at hand is cut where it stands. */
class CountReader<T> implements SourceReader<T, CountSplit> {
  readonly #make: (i: number) => T
  readonly #onFirst: () => void
  readonly #splits: CountSplit[] = []
  #id = ''
  #next = 0
  #end = 0
  #started = false
  #noMore = false
  #wake: () => void = () => undefined

  constructor(make: (i: number) => T, onFirst: () => void) {
    this.#make = make
    this.#onFirst = onFirst
  }

  addSplits(splits: readonly CountSplit[]): void {
    this.#splits.push(...splits)
    this.#wake()
  }

  noMoreSplits(): void {
    this.#noMore = true
    this.#wake()
  }

  poll(maxRecords: number): Polled<T> {
    if (this.#next === this.#end && !this.#begin()) return this.#noMore ? 'end' : 'idle'
    const from = this.#next
    const count = Math.min(this.#end - from, maxRecords, BATCH_RECORDS)
    const values = new Array<T>(count)
    for (let k = 0; k < count; k++) values[k] = this.#make(from + k)
    this.#next = from + count
    return batchOf(values)
  }

  available(): Promise<void> {
    if (this.#noMore || this.#splits.length > 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  snapshot(): readonly CountSplit[] {
    const current = this.#next < this.#end ? [{ id: this.#id, next: this.#next, end: this.#end }] : []
    return [...current, ...this.#splits]
  }

  close(): void {
    this.#wake()
  }

  #begin(): boolean {
    const split = this.#splits.shift()
    if (split === undefined) return false
    this.#id = split.id
    this.#next = split.next
    this.#end = split.end
    if (!this.#started) this.#onFirst()
    this.#started = true
    return this.#next < this.#end || this.#begin()
  }
}
