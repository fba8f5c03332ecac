import type { Clock } from '../../util/clock.ts'
import { deferred } from '../../util/deferred.ts'

/** How much is read at once at a limited rate, so that what waits between does not wait long. */
const SLICE_SECONDS = 0.1

/** Keeps reading below a number of rows in a second. Owns the time at which reading may go on. */
export class Throttle {
  readonly #clock: Clock
  readonly #rowsPerSecond: number | undefined
  #freeAt = 0

  constructor(clock: Clock, rowsPerSecond: number | undefined) {
    this.#clock = clock
    this.#rowsPerSecond = rowsPerSecond
  }

  /** Waits until rows may be read; how many of those wanted. */
  async admit(wanted: number): Promise<number> {
    if (this.#rowsPerSecond === undefined) return wanted
    const waitMs = this.#freeAt - this.#clock.monotonic()
    if (waitMs > 0) {
      const free = deferred()
      this.#clock.schedule(waitMs, free.resolve)
      await free.promise
    }
    return Math.max(1, Math.min(wanted, Math.floor(this.#rowsPerSecond * SLICE_SECONDS)))
  }

  /** So many were read. */
  took(rows: number): void {
    if (this.#rowsPerSecond === undefined) return
    this.#freeAt = Math.max(this.#freeAt, this.#clock.monotonic()) + (rows / this.#rowsPerSecond) * 1000
  }
}
