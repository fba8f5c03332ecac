import { UpsertSinkFunction } from 'millrace'
import type { Stopwatch } from './stopwatch.ts'

/** Counts records and adds up one number of each: proof that all arrived, for next to nothing. */
export class TallySink<T> extends UpsertSinkFunction<T> {
  count = 0
  sum = 0
  readonly #numberOf: (record: T) => number
  readonly #watch: Stopwatch

  constructor(numberOf: (record: T) => number, watch: Stopwatch) {
    super()
    this.#numberOf = numberOf
    this.#watch = watch
  }

  write(records: readonly T[]): void {
    const numberOf = this.#numberOf
    let sum = 0
    for (const record of records) sum += numberOf(record)
    this.sum += sum
    this.count += records.length
    // Here and not in close(): the last checkpoint is no part of the work.
    this.#watch.stop()
  }

  flush(): void {}
}
