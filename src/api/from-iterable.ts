import type { SourceSplit } from '../contract/source-function.ts'
import { type SplitRead, type SplitReader, SplitSource } from '../contract/split-source.ts'
import { batchOf } from '../record/batch.ts'

interface IterableSplit extends SourceSplit {
  /** How many records have been read. */
  readonly next: number
}

/** A bounded source of the records of an array. */
export function fromArray<T>(records: readonly T[]): SplitSource<T, IterableSplit> {
  return new IterableSource(() => records)
}

/** A bounded source of what `make` iterates over: a generator function, for example. After a crash `make` is called again and must give the same. */
export function fromIterable<T>(make: () => Iterable<T>): SplitSource<T, IterableSplit> {
  return new IterableSource(make)
}

class IterableSource<T> extends SplitSource<T, IterableSplit> {
  readonly boundedness = 'bounded'
  readonly #make: () => Iterable<T>

  constructor(make: () => Iterable<T>) {
    super()
    this.#make = make
  }

  protected override splits(): readonly IterableSplit[] {
    return [{ id: 'all', next: 0 }]
  }

  protected override createSplitReader(): SplitReader<T, IterableSplit> {
    return new IterableReader(this.#make)
  }
}

class IterableReader<T> implements SplitReader<T, IterableSplit> {
  readonly #make: () => Iterable<T>
  #iterator: Iterator<T> | undefined

  constructor(make: () => Iterable<T>) {
    this.#make = make
  }

  read(split: IterableSplit, maxRecords: number): SplitRead<T, IterableSplit> {
    this.#iterator ??= this.#from(split.next)
    const values: T[] = []
    while (values.length < maxRecords) {
      const { done, value } = this.#iterator.next()
      if (done === true) break
      values.push(value)
    }
    return values.length === 0
      ? 'end'
      : { batch: batchOf(values), next: { ...split, next: split.next + values.length } }
  }

  close(): void {
    this.#iterator?.return?.()
  }

  #from(start: number): Iterator<T> {
    const iterator = this.#make()[Symbol.iterator]()
    for (let n = 0; n < start; n += 1) iterator.next()
    return iterator
  }
}
