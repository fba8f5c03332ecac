import type { Clock } from '../../src/util/clock.ts'

interface Scheduled {
  readonly at: number
  readonly callback: () => void
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number
  #scheduled: Scheduled[] = []

  /** Ms since the epoch at which it stands. */
  constructor(startMs = 0) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const entry = { at: this.#now + delayMs, callback }
    this.#scheduled.push(entry)
    return () => {
      this.#scheduled = this.#scheduled.filter((one) => one !== entry)
    }
  }

  /** How long until the next callback is due; undefined if none is scheduled. */
  get nextInMs(): number | undefined {
    if (this.#scheduled.length === 0) return undefined
    return Math.max(0, Math.min(...this.#scheduled.map(({ at }) => at)) - this.#now)
  }

  /** Moves on and calls back what is due by then, in order of time. */
  advance(ms: number): void {
    this.#now += ms
    const due = this.#scheduled.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at)
    this.#scheduled = this.#scheduled.filter(({ at }) => at > this.#now)
    for (const { callback } of due) callback()
  }
}
