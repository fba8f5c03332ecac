import { UpsertSinkFunction } from 'millrace'
import { percentile } from './statistics.ts'

/** A row of a window, with the window's end by the clock, ms. */
export interface TimedRow {
  readonly end: number
  readonly total: number
}

/** Notes how long after the end of its window each row came. Rows of the end of the input, which have no end to wait for, are left out. */
export class LatencySink extends UpsertSinkFunction<TimedRow> {
  total = 0
  readonly #lateMs: number[] = []

  override write(rows: readonly TimedRow[]): void {
    const now = Date.now()
    for (const { end, total } of rows) {
      this.total += total
      if (end <= now) this.#lateMs.push(now - end)
    }
  }

  override flush(): void {}

  /** The lateness that a fraction of the rows do not exceed, ms. */
  lateMs(fraction: number): number {
    return percentile(this.#lateMs, fraction)
  }
}
