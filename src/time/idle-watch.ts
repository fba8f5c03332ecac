// IdleWatch: tells when nothing has come for a while, without counting time in which nobody could have noticed.
//
// Owns: the number of looks. Does not own: who calls, and when something came.
//
// I1. A look counts once a quarter of idleAfterMs has passed since the last, and counts once however long it was: time in which the
//     caller was held up (back-pressure, a long call of user code, a suspended machine) is one look at most.
// I2. Idle after five looks without a record: between idleAfterMs and a quarter more of them.

import type { Clock } from '../util/clock.ts'

const LOOKS = 4

/** Looked at between two batches. */
export class IdleWatch {
  readonly #clock: Clock
  readonly #periodMs: number
  #lastLook: number
  #looks = 0

  constructor(idleAfterMs: number, clock: Clock) {
    this.#clock = clock
    this.#periodMs = idleAfterMs / LOOKS
    this.#lastLook = clock.monotonic()
  }

  /** How often there was a look so far: to be remembered when something comes. */
  get looks(): number {
    return this.#looks
  }

  /** Ms until the next look counts. */
  get nextInMs(): number {
    return Math.max(0, this.#lastLook + this.#periodMs - this.#clock.monotonic())
  }

  /** Whether the look counted. */
  look(): boolean {
    if (this.nextInMs > 0) return false
    this.#lastLook = this.#clock.monotonic()
    this.#looks += 1
    return true
  }

  /** Whether something that came last when there were so many looks is idle by now. */
  isIdleSince(looks: number): boolean {
    return this.#looks - looks > LOOKS
  }
}
