// KeyedTimers: the timers of all keys, and the service through which user code sets those of the current key.
//
// Owns: a queue per domain, the list of changed timers, the watermark.
// Does not own: the current key (EntryCache), rows and the snapshot under way.

import type { TimerService } from '../../src/contract/keyed-context.ts'
import type { Key } from '../../src/util/key-group.ts'
import { DirtyList } from './dirty-list.ts'
import type { RocksStore } from './rocks-store.ts'
import { readTimerRowKey, type TimerDomain, timerRange } from './row-key.ts'
import { type Timer, TimerQueue } from './timer-queue.ts'

/** A timer with its bucket and its places in maps. */
const TIMER_BYTES = 250

export class KeyedTimers implements TimerService {
  readonly dirty = new DirtyList<Timer>()
  readonly #event: TimerQueue
  readonly #processing: TimerQueue
  readonly #currentKey: () => Key
  readonly #now: () => number
  #watermark = Number.NEGATIVE_INFINITY

  constructor(options: {
    readonly currentKey: () => Key
    readonly now: () => number
    /** Called before a timer changes that is frozen. */
    readonly touch: (timer: Timer) => void
  }) {
    this.#currentKey = options.currentKey
    this.#now = options.now
    this.#event = new TimerQueue('event', this.dirty, options.touch)
    this.#processing = new TimerQueue('processing', this.dirty, options.touch)
  }

  get bytes(): number {
    return (this.#event.size + this.#processing.size) * TIMER_BYTES
  }

  queue(domain: TimerDomain): TimerQueue {
    return domain === 'event' ? this.#event : this.#processing
  }

  async load(store: RocksStore): Promise<void> {
    const { from, to } = timerRange()
    for await (const rows of store.scan(from, to, 4000)) {
      for (const [row] of rows) {
        const { domain, key, time } = readTimerRowKey(row)
        this.queue(domain).load(key, time)
      }
    }
  }

  advanceWatermark(timestamp: number): void {
    if (timestamp > this.#watermark) this.#watermark = timestamp
  }

  currentWatermark(): number {
    return this.#watermark
  }

  currentProcessingTime(): number {
    return this.#now()
  }

  registerEventTimeTimer(timestampMs: number): void {
    this.#event.register(this.#currentKey(), timestampMs)
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    this.#processing.register(this.#currentKey(), timestampMs)
  }

  deleteEventTimeTimer(timestampMs: number): void {
    this.#event.delete(this.#currentKey(), timestampMs)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    this.#processing.delete(this.#currentKey(), timestampMs)
  }
}
