import { UpsertSinkFunction } from 'millrace'
import type { Stopwatch } from '../stopwatch.ts'

/** Counts records and does nothing else. */
export class CountingSink<T> extends UpsertSinkFunction<T> {
  count = 0
  readonly #watch: Stopwatch

  constructor(watch: Stopwatch) {
    super()
    this.#watch = watch
  }

  write(records: readonly T[]): void {
    this.#watch.start()
    this.count += records.length
    this.#watch.stop()
  }

  flush(): void {}
}
