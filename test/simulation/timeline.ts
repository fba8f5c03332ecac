// Timeline: the one order in which everything of a simulated world happens, and its clock.
//
// Owns: the events to come, the time, the seed's random numbers.
// Does not own: what events do; real time (none is waited for).
//
// I1. One event at a time, by time, then by age; between two of them every promise that can run has run.
// I2. An event whose owner has died never happens: whoever waits for it waits for ever, as after a crash.

import type { Clock } from '../../src/util/clock.ts'
import { type Rng, seededRng } from '../../src/util/rng.ts'

/** Whoever can die: a process, or one worker of it. */
export interface Owner {
  readonly alive: boolean
}

interface TimelineEvent {
  readonly at: number
  readonly order: number
  readonly owner: Owner | undefined
  readonly happen: () => void
}

/** Each look at a clock takes this long, so that loops which look at it get on. */
const LOOK_MS = 0.01

export class Timeline {
  readonly rng: Rng
  #now = 0
  #order = 0
  #events: TimelineEvent[] = []

  constructor(seed: number) {
    this.rng = seededRng(seed)
  }

  get nowMs(): number {
    return this.#now
  }

  /** How many events have happened or are to come. */
  get scheduled(): number {
    return this.#order
  }

  after(delayMs: number, owner: Owner | undefined, happen: () => void): () => void {
    return this.at(this.#now + delayMs, owner, happen)
  }

  at(timeMs: number, owner: Owner | undefined, happen: () => void): () => void {
    let cancelled = false
    this.#push({
      at: timeMs,
      order: this.#order++,
      owner,
      happen: () => {
        if (!cancelled) happen()
      },
    })
    return () => {
      cancelled = true
    }
  }

  /** Lets the next event happen and everything that follows from it; false if there is none. */
  async step(): Promise<boolean> {
    for (;;) {
      const event = this.#pop()
      if (event === undefined) return false
      if (event.owner?.alive === false) continue
      this.#now = Math.max(this.#now, event.at)
      event.happen()
      await everythingThatFollows()
      return true
    }
  }

  /** The clock of someone who can die. */
  clockOf(owner: Owner): Clock {
    return {
      now: () => 1_700_000_000_000 + Math.floor(this.#look(owner)),
      monotonic: () => this.#look(owner),
      schedule: (delayMs, callback) => this.after(delayMs, owner, callback),
    }
  }

  #look(owner: Owner): number {
    if (owner.alive) this.#now += LOOK_MS
    return this.#now
  }

  #push(event: TimelineEvent): void {
    const heap = this.#events
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = heap[above] as TimelineEvent
      if (isBefore(other, event)) break
      heap[at] = other
      at = above
    }
    heap[at] = event
  }

  #pop(): TimelineEvent | undefined {
    const heap = this.#events
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) break
      const right = left + 1
      const least =
        right < heap.length && isBefore(heap[right] as TimelineEvent, heap[left] as TimelineEvent) ? right : left
      if (isBefore(last, heap[least] as TimelineEvent)) break
      heap[at] = heap[least] as TimelineEvent
      at = least
    }
    heap[at] = last
    return first
  }
}

function isBefore(a: TimelineEvent, b: TimelineEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** A turn of the event loop: by then every microtask has run. Nothing else of the world lives outside the timeline. */
function everythingThatFollows(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
