import type { Clock } from '../../util/clock.ts'

// Waits shorter than this cost more in timers than they even out.
const WAIT_MS_MIN = 5

/** Holds records back to a rate. Time in which nobody asked is not made up for beyond one second's worth. */
export class Pace {
  readonly #clock: Clock
  readonly #perMs: number
  #since: number
  #taken = 0

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perMs = perSecond / 1_000
    this.#since = clock.monotonic()
  }

  /** How many of `wanted` may be taken now; they count as taken. */
  take(wanted: number): number {
    this.#forgive()
    const granted = Math.max(0, Math.min(wanted, this.#due()))
    this.#taken += granted
    return granted
  }

  /** Ms until at least one more is due. */
  waitMs(): number {
    const dueAt = this.#since + this.#taken / this.#perMs
    return Math.max(WAIT_MS_MIN, Math.ceil(dueAt - this.#clock.monotonic()))
  }

  /** The first is due at once. */
  #due(): number {
    return Math.floor((this.#clock.monotonic() - this.#since) * this.#perMs) + 1 - this.#taken
  }

  #forgive(): void {
    const excess = this.#due() - Math.max(1, Math.ceil(this.#perMs * 1_000))
    if (excess > 0) this.#since += excess / this.#perMs
  }
}
