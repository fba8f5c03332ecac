// TimerQueue: the timers of one domain, by time. One timer per (time, key).
//
// Up to the horizon every living timer is in the heap. Beyond it they are rows of the database, and in the heap is what those
// rows do not say yet: timers set and deleted since, and those that were not let go so far.
//
// Owns: timers in the heap, living and dead, the order of the living, the horizon.
// Does not own: rows. It lists in `dirty` which timers changed; `touch` is called before one that is frozen changes.
//
// I1. One Timer object per (time, key) from its first change until its row is as it should be; while there is one, it counts and not the row.
// I2. A timer that the database never heard of leaves nothing behind when it dies.
// I3. While rows are being read nothing is let go: what was read may be older than what was written meanwhile.
// I4. The time of every living timer is in the binary heap. Times of none may linger there until they are met.

import type { Key } from '../../src/util/key-group.ts'
import { mapKeyOf } from '../../src/util/key-group.ts'
import type { DirtyList } from './dirty-list.ts'
import { CLEAN } from './key-entry.ts'
import { NumberHeap } from './number-heap.ts'
import type { TimerDomain } from './row-key.ts'
import { Timer, TimerBucket } from './timer.ts'

/** Times that may linger before the binary heap is made anew. */
const LINGERING = 1024

export interface TimerQueueParts {
  readonly domain: TimerDomain
  readonly dirty: DirtyList<Timer>
  readonly touch: (timer: Timer) => void
  /** A timer's row key; valid until the next call. */
  readonly rowOf: (timer: Timer) => Buffer
  /** What the row keys of all timers of a time begin with. */
  readonly rowsAt: (time: number) => Buffer
}

/** What is in the database only begins with this row, of this time. */
interface Horizon {
  readonly time: number
  readonly row: Buffer
}

export class TimerQueue {
  readonly domain: TimerDomain
  readonly #parts: TimerQueueParts
  readonly #at = new Map<number, Timer | TimerBucket>()
  readonly #times = new NumberHeap()
  #horizon: Horizon | undefined
  /** Rows are being read: timers that became clean since. */
  #late: Timer[] | undefined
  #walk: Iterator<Timer> | undefined
  #size = 0
  /** Since recede() last looked. */
  #added = 0

  constructor(parts: TimerQueueParts) {
    this.domain = parts.domain
    this.#parts = parts
  }

  /** Timers in the heap: the living, and the dead whose row is not known to be deleted. */
  get size(): number {
    return this.#size
  }

  /** The first row that was not read. Undefined: all timers are in the heap. */
  get unread(): Buffer | undefined {
    return this.#horizon?.row
  }

  register(key: Key, time: number): void {
    const at = this.#at.get(time)
    let timer = find(at, key)
    if (timer?.alive === true) return
    if (timer === undefined) {
      timer = new Timer(key, time + 0, this.domain)
      if (this.#mayBeUnread(time)) timer.markStored()
      this.#change(timer)
      this.#add(timer)
    } else {
      this.#change(timer)
      this.#revive(timer)
    }
  }

  delete(key: Key, time: number): void {
    const timer = find(this.#at.get(time), key)
    if (timer?.alive === true) this.#kill(timer)
    else if (timer === undefined && this.#mayBeUnread(time)) this.#addDead(key, time)
  }

  /** No living timer is earlier; undefined if there is none at all. */
  next(): number | undefined {
    const top = this.#top()
    const reach = this.#horizon?.time
    if (top === undefined || reach === undefined) return top ?? reach
    return Math.min(top, reach)
  }

  /** Removes timers with time <= upTo, earliest first, at most `limit`. None while `needsRead`. */
  take(upTo: number, limit: number): Timer[] {
    const taken: Timer[] = []
    const until = Math.min(upTo, this.#reach)
    while (taken.length < limit) {
      const time = this.#top()
      if (time === undefined || time > until) break
      const at = this.#at.get(time) as Timer | TimerBucket
      const timer = at instanceof Timer ? at : at.first()
      this.#kill(timer)
      taken.push(timer)
    }
    return taken
  }

  /** The database may have timers with time <= upTo that come before all in the heap. */
  needsRead(upTo: number): boolean {
    if (this.#reach > upTo || this.#horizon === undefined) return false
    const top = this.#top()
    return top === undefined || top > this.#reach
  }

  /** Before any timer is set: rows from here on were not read. */
  beginUnread(row: Buffer): void {
    this.#horizon = { time: Number.NEGATIVE_INFINITY, row }
  }

  /** From here until endRead() everything is kept. */
  beginRead(): void {
    this.#late = []
  }

  /** Takes in the timers of the next rows that were read; `next` is the first row after them, undefined if there is none. */
  read(timers: readonly { readonly key: Key; readonly time: number }[], next: Buffer | undefined): void {
    for (const { key, time } of timers) if (find(this.#at.get(time), key) === undefined) this.#addStored(key, time)
    this.#horizon = next === undefined ? undefined : { time: timers.at(-1)?.time ?? 0, row: next }
  }

  endRead(): void {
    const late = this.#late ?? []
    this.#late = undefined
    for (const timer of late) this.#settle(timer)
  }

  /** The row of this timer, which is clean now, is as it should be. */
  written(timer: Timer): void {
    if (this.#late === undefined) this.#settle(timer)
    else this.#late.push(timer)
  }

  /** Brings the horizon nearer, if that is needed, so that no more than about `keep` living timers are before it. */
  recede(keep: number): void {
    if (this.#late !== undefined || this.#added <= keep) return
    this.#added = 0
    const times = Float64Array.from(this.#at.keys()).sort()
    let before = 0
    for (const time of times) {
      if (time >= this.#reach) return
      before += livingOf(this.#at.get(time))
      if (before <= keep) continue
      this.#horizon = { time, row: Buffer.from(this.#parts.rowsAt(time)) }
      return
    }
  }

  /**
   * Walks on over `steps` timers: lets go the clean ones beyond the horizon, and answers, at most `max`, those which must be
   * written before they can go.
   */
  sweep(steps: number, max: number): Timer[] {
    const found: Timer[] = []
    if (this.#late !== undefined) return found
    const { epoch } = this.#parts.dirty
    for (let left = Math.min(steps, this.#size); left > 0; left--) {
      this.#walk ??= this.#all()
      const next = this.#walk.next()
      if (next.done === true) {
        this.#walk = undefined
        break
      }
      if (next.value.dirty === CLEAN) this.#settle(next.value)
      else if (found.length < max && next.value.dirty === epoch && this.#couldGo(next.value)) found.push(next.value)
    }
    return found
  }

  get #reach(): number {
    return this.#horizon?.time ?? Number.POSITIVE_INFINITY
  }

  /** The database may have a timer of this time that is not in the heap. */
  #mayBeUnread(time: number): boolean {
    return this.#horizon !== undefined && time >= this.#horizon.time
  }

  #isBeyond(timer: Timer): boolean {
    const horizon = this.#horizon
    if (horizon === undefined || timer.time < horizon.time) return false
    return timer.time > horizon.time || horizon.row.compare(this.#parts.rowOf(timer)) <= 0
  }

  /** Lets a clean timer go if its row says all. */
  #settle(timer: Timer): void {
    if (timer.dirty === CLEAN && this.#couldGo(timer)) this.#remove(timer)
  }

  #couldGo(timer: Timer): boolean {
    return !timer.alive || this.#isBeyond(timer)
  }

  #addStored(key: Key, time: number): void {
    const timer = new Timer(key, time, this.domain)
    timer.markStored()
    this.#add(timer)
  }

  #addDead(key: Key, time: number): void {
    const timer = new Timer(key, time + 0, this.domain)
    timer.markStored()
    this.#change(timer)
    this.#insert(timer)
  }

  #add(timer: Timer): void {
    this.#insert(timer)
    this.#revive(timer)
  }

  #revive(timer: Timer): void {
    timer.alive = true
    const at = this.#at.get(timer.time)
    if (at instanceof TimerBucket && ++at.living > 1) return
    this.#times.push(timer.time)
    if (this.#times.size > this.#at.size * 2 + LINGERING) this.#renewTimes()
  }

  #kill(timer: Timer): void {
    this.#change(timer)
    timer.alive = false
    const at = this.#at.get(timer.time)
    if (at instanceof TimerBucket) at.living -= 1
    if (timer.stored) return
    timer.dirty = CLEAN
    this.#parts.dirty.dropped(1)
    this.#remove(timer)
  }

  #change(timer: Timer): void {
    const { dirty, touch } = this.#parts
    if (timer.dirty < dirty.epoch) touch(timer)
    if (timer.dirty !== dirty.epoch) dirty.add(timer)
  }

  #insert(timer: Timer): void {
    const at = this.#at.get(timer.time)
    this.#size += 1
    this.#added += 1
    if (at === undefined) this.#at.set(timer.time, timer)
    else if (at instanceof TimerBucket) at.add(timer)
    else {
      const bucket = new TimerBucket(timer.time)
      bucket.add(at)
      bucket.add(timer)
      bucket.living = livingOf(at)
      this.#at.set(timer.time, bucket)
    }
  }

  #remove(timer: Timer): void {
    const at = this.#at.get(timer.time)
    if (find(at, timer.key) !== timer) return
    if (at instanceof TimerBucket) {
      at.timers.delete(mapKeyOf(timer.key))
      if (timer.alive) at.living -= 1
    }
    if (!(at instanceof TimerBucket) || at.timers.size === 0) this.#at.delete(timer.time)
    timer.alive = false
    this.#size -= 1
  }

  /** The time of the earliest living timer in the heap. */
  #top(): number | undefined {
    for (;;) {
      const time = this.#times.min
      if (time === undefined || livingOf(this.#at.get(time)) > 0) return time
      this.#times.pop()
    }
  }

  #renewTimes(): void {
    this.#times.clear()
    for (const [time, at] of this.#at) if (livingOf(at) > 0) this.#times.push(time)
  }

  *#all(): Generator<Timer> {
    for (const at of this.#at.values()) {
      if (at instanceof Timer) yield at
      else yield* at.timers.values()
    }
  }
}

function find(at: Timer | TimerBucket | undefined, key: Key): Timer | undefined {
  if (at === undefined || at instanceof TimerBucket) return at?.find(key)
  return at.isOf(key) ? at : undefined
}

function livingOf(at: Timer | TimerBucket | undefined): number {
  if (at === undefined) return 0
  return at instanceof TimerBucket ? at.living : Number(at.alive)
}
