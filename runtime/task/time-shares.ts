// TimeShares: how a task's time divides into working, waiting for room downstream, and having nothing to do.

import type { Clock } from '../../src/util/clock.ts'

export type Occupation = 'busy' | 'backPressured' | 'idle'

export interface Shares {
  readonly busy: number
  readonly backPressured: number
  readonly idle: number
}

/** A task is in one occupation at a time; told at each change, read once per period. */
export class TimeShares {
  readonly #clock: Clock
  readonly #spentMs = { busy: 0, backPressured: 0, idle: 0 }
  #now: Occupation = 'idle'
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.monotonic()
  }

  become(occupation: Occupation): void {
    const now = this.#clock.monotonic()
    this.#spentMs[this.#now] += now - this.#since
    this.#since = now
    this.#now = occupation
  }

  /** Shares since the last call, each 0 to 1. */
  take(): Shares {
    this.become(this.#now)
    const { busy, backPressured, idle } = this.#spentMs
    const total = busy + backPressured + idle || 1
    this.#spentMs.busy = 0
    this.#spentMs.backPressured = 0
    this.#spentMs.idle = 0
    return { busy: busy / total, backPressured: backPressured / total, idle: idle / total }
  }
}
