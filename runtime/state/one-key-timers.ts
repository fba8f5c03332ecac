// OneKeyTimers: the timers of the one key that a batch run is at.
//
// Owns: the timers of both domains; event time as the operator sees it. Does not own: the key, when timers fire (batch-node).
//
// I1. One timer per domain and time. They come out earliest first, also those set while others come out.

import type { TimerService } from '../../src/contract/keyed-context.ts'
import { MAX_WATERMARK } from '../../src/record/element.ts'
import { NumberHeap } from './number-heap.ts'

type Domain = 'event' | 'processing'

const LINGERING_MAX = 64

export class OneKeyTimers implements TimerService {
  readonly #now: () => number
  readonly #queues = { event: new TimeQueue(), processing: new TimeQueue() }
  #ended = false

  constructor(now: () => number) {
    this.#now = now
  }

  /** Timers that are set. */
  get size(): number {
    return this.#queues.event.size + this.#queues.processing.size
  }

  /** Event time stands at its beginning or, once the key's records have come, at its end. */
  set ended(ended: boolean) {
    this.#ended = ended
  }

  /** Removes the earliest timer. */
  take(domain: Domain): number | undefined {
    return this.#queues[domain].take()
  }

  clear(): void {
    this.#queues.event.clear()
    this.#queues.processing.clear()
  }

  currentWatermark(): number {
    return this.#ended ? MAX_WATERMARK : Number.NEGATIVE_INFINITY
  }

  currentProcessingTime(): number {
    return this.#now()
  }

  registerEventTimeTimer(timestampMs: number): void {
    this.#queues.event.add(timestampMs)
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    this.#queues.processing.add(timestampMs)
  }

  deleteEventTimeTimer(timestampMs: number): void {
    this.#queues.event.delete(timestampMs)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    this.#queues.processing.delete(timestampMs)
  }
}

/** Times, each once, the earliest first: a set beside a heap, in which deleted ones linger until they are met. */
class TimeQueue {
  readonly #living = new Set<number>()
  readonly #heap = new NumberHeap()

  get size(): number {
    return this.#living.size
  }

  add(time: number): void {
    if (this.#living.has(time)) return
    this.#living.add(time)
    this.#heap.push(time)
    // What lingers must not outgrow what lives, however often timers are set and deleted.
    if (this.#heap.size > 2 * this.#living.size + LINGERING_MAX) this.#rebuild()
  }

  delete(time: number): void {
    this.#living.delete(time)
  }

  take(): number | undefined {
    for (;;) {
      const time = this.#heap.min
      if (time === undefined) return undefined
      this.#heap.pop()
      if (this.#living.delete(time)) return time
    }
  }

  clear(): void {
    if (this.#heap.size === 0) return
    this.#living.clear()
    this.#heap.clear()
  }

  #rebuild(): void {
    this.#heap.clear()
    for (const time of this.#living) this.#heap.push(time)
  }
}
