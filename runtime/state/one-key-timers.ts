// OneKeyTimers: the timers of the one key that a batch run is at.
//
// Owns: the timers of both domains; event time as the operator sees it. Does not own: the key, when timers fire (batch-node).
//
// I1. One timer per domain and time. They come out earliest first, also those set while others come out.

import type { TimerService } from '../../src/contract/keyed-context.ts'
import { NumberHeap } from './number-heap.ts'

const LINGERING_MAX = 64

export class OneKeyTimers implements TimerService {
  readonly #now: () => number
  readonly #queues = { event: new TimeQueue(), processing: new TimeQueue() }
  /** Ms since the epoch: event time as far as the key's records have come. */
  watermark = Number.NEGATIVE_INFINITY

  constructor(now: () => number) {
    this.#now = now
  }

  /** Timers that are set. */
  get size(): number {
    return this.#queues.event.size + this.#queues.processing.size
  }

  /** Whether a timer of event time is due. */
  get due(): boolean {
    return this.#queues.event.least <= this.watermark
  }

  /** Removes the earliest timer of event time that is due. */
  takeDue(): number | undefined {
    return this.#queues.event.take(this.watermark)
  }

  /** Removes the earliest timer of processing time, due or not. */
  takeProcessing(): number | undefined {
    return this.#queues.processing.take(Number.POSITIVE_INFINITY)
  }

  clear(): void {
    this.#queues.event.clear()
    this.#queues.processing.clear()
  }

  currentWatermark(): number {
    return this.watermark
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

  /** No timer is earlier; it may have been deleted. Infinity: there is none. */
  get least(): number {
    return this.#heap.min ?? Number.POSITIVE_INFINITY
  }

  take(upTo: number): number | undefined {
    for (;;) {
      const time = this.#heap.min
      if (time === undefined || time > upTo) return undefined
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
