// Waiting between attempts.

import type { Clock } from '../../util/clock.ts'

const FIRST_MS = 20
const LONGEST_MS = 2000

/** Waits longer from attempt to attempt, with some spread, so that lanes that met do not meet again. */
export class Backoff {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #limitMs: number

  /** `limitMs`: how long to go on in all. */
  constructor(clock: Clock, random: () => number, limitMs: number) {
    this.#clock = clock
    this.#random = random
    this.#limitMs = limitMs
  }

  /** A function that waits, and gives whether there is time for another attempt. */
  start(): () => Promise<boolean> {
    const until = this.#clock.monotonic() + this.#limitMs
    let delayMs = FIRST_MS
    return async () => {
      const leftMs = until - this.#clock.monotonic()
      if (leftMs <= 0) return false
      const waitMs = Math.min(leftMs, delayMs * (0.5 + this.#random()))
      delayMs = Math.min(LONGEST_MS, delayMs * 2)
      await new Promise<void>((resolve) => this.#clock.schedule(waitMs, resolve))
      return true
    }
  }
}
