// KeyedTimers: the timers of all keys, and the service through which user code sets those of the current key.
//
// Owns: a queue per domain, the list of changed timers, their rows' form, how many are kept in the heap, the watermark.
// Does not own: the current key (EntryCache), when rows are written (SnapshotWriter, WriteBack), the snapshot under way.

import type { TimerService } from '../../src/contract/keyed-context.ts'
import { present } from '../../src/util/assert.ts'
import type { Key } from '../../src/util/key-group.ts'
import { ByteWriter } from './byte-writer.ts'
import { DirtyList } from './dirty-list.ts'
import type { RocksStore, StoreBatch } from './rocks-store.ts'
import {
  readTimerRowKey,
  TIMER_VALUE,
  type TimerDomain,
  timerRange,
  writeTimerRowKey,
  writeTimerTime,
} from './row-key.ts'
import type { Timer } from './timer.ts'
import { TimerQueue } from './timer-queue.ts'

/** A timer with its places in maps and lists: measured 112 to 122, more while it is dirty. */
const TIMER_BYTES = 130
/** Timers read at once: at most, and as a share of those that may be in the heap. */
const LOT_MAX = 4096
const LOT_SHARE = 1 / 4
const DOMAINS = ['event', 'processing'] as const

export interface KeyedTimersParts {
  readonly currentKey: () => Key
  readonly now: () => number
  readonly keyGroups: number
  /** Heap for timers; later ones are in the database only. */
  readonly bytesMax: number
  /** Called before a timer changes that is frozen. */
  readonly touch: (timer: Timer) => void
}

export class KeyedTimers implements TimerService {
  readonly dirty = new DirtyList<Timer>()
  readonly #parts: KeyedTimersParts
  readonly #event: TimerQueue
  readonly #processing: TimerQueue
  readonly #row = new ByteWriter(256)
  #store: RocksStore | undefined
  #watermark = Number.NEGATIVE_INFINITY

  constructor(parts: KeyedTimersParts) {
    this.#parts = parts
    this.#event = this.#makeQueue('event')
    this.#processing = this.#makeQueue('processing')
  }

  get size(): number {
    return this.#event.size + this.#processing.size
  }

  get bytes(): number {
    return this.size * TIMER_BYTES
  }

  get overLimit(): boolean {
    return this.bytes > this.#parts.bytesMax
  }

  /** So many more than allowed that whoever sets timers should wait. */
  get farOverLimit(): boolean {
    return this.bytes > this.#parts.bytesMax * (1 + 1 / 4)
  }

  queue(domain: TimerDomain): TimerQueue {
    return domain === 'event' ? this.#event : this.#processing
  }

  /** Reads the earliest timers of the store, all if there is room for any number. */
  async open(store: RocksStore, restored: boolean): Promise<void> {
    this.#store = store
    if (!restored) return
    for (const domain of DOMAINS) {
      const queue = this.queue(domain)
      queue.beginUnread(timerRange(domain).from)
      do await this.#readLot(queue)
      while (this.#parts.bytesMax === Number.POSITIVE_INFINITY && queue.unread !== undefined)
    }
  }

  /** Reads timers with time <= upTo if none can be taken before. Undefined if that is not needed. */
  readDue(domain: TimerDomain, upTo: number): Promise<void> | undefined {
    const queue = this.queue(domain)
    return queue.needsRead(upTo) ? this.#readDue(queue, upTo) : undefined
  }

  /** Lets clean timers beyond the horizon go; answers those to be written so that they can go too. Both do a part of the work. */
  sweep(steps: number, max: number): readonly Timer[] {
    if (!this.overLimit) return []
    const found: Timer[] = []
    for (const domain of DOMAINS) {
      const queue = this.queue(domain)
      const share = queue.size / this.size
      queue.recede(Math.floor((this.#parts.bytesMax * share) / TIMER_BYTES / 2))
      found.push(...queue.sweep(steps, max - found.length))
    }
    return found
  }

  /** Appends the timer's row, or its deletion. */
  encode(timer: Timer, batch: StoreBatch): void {
    const row = this.#rowOf(timer)
    if (timer.alive) batch.put(row, TIMER_VALUE)
    else batch.del(row)
    timer.markStored()
  }

  /** The timer is clean: what encode() appended last is written. */
  written(timer: Timer): void {
    this.queue(timer.domain).written(timer)
  }

  advanceWatermark(timestamp: number): void {
    if (timestamp > this.#watermark) this.#watermark = timestamp
  }

  currentWatermark(): number {
    return this.#watermark
  }

  currentProcessingTime(): number {
    return this.#parts.now()
  }

  registerEventTimeTimer(timestampMs: number): void {
    this.#event.register(this.#parts.currentKey(), checkedTime(timestampMs))
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    this.#processing.register(this.#parts.currentKey(), checkedTime(timestampMs))
  }

  deleteEventTimeTimer(timestampMs: number): void {
    this.#event.delete(this.#parts.currentKey(), timestampMs)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    this.#processing.delete(this.#parts.currentKey(), timestampMs)
  }

  async #readDue(queue: TimerQueue, upTo: number): Promise<void> {
    while (queue.needsRead(upTo)) await this.#readLot(queue)
  }

  async #readLot(queue: TimerQueue): Promise<void> {
    const store = present(this.#store, 'the open store')
    const most = Math.max(2, Math.min(LOT_MAX, Math.floor((this.#parts.bytesMax * LOT_SHARE) / TIMER_BYTES)))
    queue.beginRead()
    try {
      const from = present(queue.unread, 'timers to read')
      const rows = await store.firstRows(from, timerRange(queue.domain).to, most)
      const last = rows.length < most ? undefined : rows.at(-1)?.[0]
      const timers = rows.map(([row]) => readTimerRowKey(row))
      queue.read(timers, last === undefined ? undefined : Buffer.concat([last, Buffer.of(0)]))
    } finally {
      queue.endRead()
    }
  }

  #makeQueue(domain: TimerDomain): TimerQueue {
    const { dirty } = this
    return new TimerQueue({
      domain,
      dirty,
      touch: this.#parts.touch,
      rowOf: (timer) => this.#rowOf(timer),
      rowsAt: (time) => {
        this.#row.reset()
        writeTimerTime(domain, time, this.#row)
        return this.#row.view()
      },
    })
  }

  #rowOf(timer: Timer): Buffer {
    this.#row.reset()
    writeTimerRowKey(timer.domain, timer, this.#parts.keyGroups, this.#row)
    return this.#row.view()
  }
}

/** Thrown into the function that set the timer, so that its node and record are named. */
function checkedTime(timestampMs: number): number {
  if (Math.abs(timestampMs) <= Number.MAX_SAFE_INTEGER) return timestampMs
  throw new RangeError(`a timer was set for ${String(timestampMs)}, expected milliseconds since the epoch`)
}
