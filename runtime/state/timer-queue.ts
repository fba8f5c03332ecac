// TimerQueue: the timers of one domain, by time. One timer per (time, key).
//
// Owns: timers, living and dead, and the order of the living.
// Does not own: rows. It lists in `dirty` which timers changed; `touch` is called before one that is frozen changes.
//
// I1. One Timer object per (time, key) as long as the database may have another opinion: set, deleted, set again is one row.
// I2. A bucket with a living timer is in the heap once; one without may linger there until it is met.
// I3. A timer that the database never heard of leaves nothing behind when it dies.

import type { Key } from '../../src/util/key-group.ts'
import { mapKeyOf } from '../../src/util/key-group.ts'
import type { DirtyList } from './dirty-list.ts'
import { CLEAN } from './key-entry.ts'
import type { TimerDomain } from './row-key.ts'

export class Timer {
  readonly key: Key
  readonly time: number
  readonly domain: TimerDomain
  alive = true
  /** Like KeyEntry.dirty. */
  dirty = CLEAN
  /** The database may have its row. */
  stored: boolean

  constructor(key: Key, time: number, domain: TimerDomain, stored: boolean) {
    this.key = key
    this.time = time
    this.domain = domain
    this.stored = stored
  }
}

type MapKey = ReturnType<typeof mapKeyOf>

/** Timers by key. Most sets hold one (a timeout) or very many (a window's end). */
class TimerSet {
  #only: Timer | undefined
  #many: Map<MapKey, Timer> | undefined

  get size(): number {
    return this.#many?.size ?? (this.#only === undefined ? 0 : 1)
  }

  find(key: Key): Timer | undefined {
    if (this.#many !== undefined) return this.#many.get(mapKeyOf(key))
    return this.#only !== undefined && mapKeyOf(this.#only.key) === mapKeyOf(key) ? this.#only : undefined
  }

  add(timer: Timer): void {
    if (this.size === 0 && this.#many === undefined) {
      this.#only = timer
      return
    }
    this.#many ??= new Map(this.#only === undefined ? [] : [[mapKeyOf(this.#only.key), this.#only]])
    this.#only = undefined
    this.#many.set(mapKeyOf(timer.key), timer)
  }

  /** Answers whether it was there. */
  remove(timer: Timer): boolean {
    if (this.find(timer.key) !== timer) return false
    if (this.#many === undefined) this.#only = undefined
    else this.#many.delete(mapKeyOf(timer.key))
    return true
  }

  values(): IterableIterator<Timer> {
    return this.#many?.values() ?? (this.#only === undefined ? [] : [this.#only]).values()
  }
}

/** The timers of one time. */
class Bucket {
  readonly time: number
  readonly living = new TimerSet()
  /** Dead ones whose row may be in the database. */
  dead: TimerSet | undefined
  queued = false
  /** Where taking goes on, so that a large bucket is passed over once however small the helpings. */
  #cursor: Iterator<Timer> | undefined

  constructor(time: number) {
    this.time = time
  }

  get empty(): boolean {
    return this.living.size === 0 && (this.dead?.size ?? 0) === 0
  }

  /** A living timer. Only while there is one. */
  first(): Timer {
    for (;;) {
      this.#cursor ??= this.living.values()
      const next = this.#cursor.next()
      if (next.done !== true && next.value.alive) return next.value
      if (next.done === true) this.#cursor = undefined
    }
  }
}

export class TimerQueue {
  readonly domain: TimerDomain
  readonly #dirty: DirtyList<Timer>
  readonly #touch: (timer: Timer) => void
  readonly #buckets = new Map<number, Bucket>()
  /** A binary heap of buckets, earliest first. */
  readonly #heap: Bucket[] = []
  #size = 0
  #dead = 0

  constructor(domain: TimerDomain, dirty: DirtyList<Timer>, touch: (timer: Timer) => void) {
    this.domain = domain
    this.#dirty = dirty
    this.#touch = touch
  }

  /** Timers in the heap: the living, and the dead whose row is not known to be deleted. */
  get size(): number {
    return this.#size + this.#dead
  }

  register(key: Key, time: number): void {
    const { living, dead } = this.#bucketAt(time + 0)
    if (living.find(key) !== undefined) return
    const timer = dead?.find(key) ?? new Timer(key, time + 0, this.domain, false)
    this.#change(timer)
    timer.alive = true
    // Looked up anew: the change may have forgotten a dead timer, and with it the bucket.
    const bucket = this.#bucketAt(time + 0)
    this.#unbury(bucket, timer)
    this.#addLiving(bucket, timer)
  }

  delete(key: Key, time: number): void {
    const bucket = this.#buckets.get(time)
    const timer = bucket?.living.find(key)
    if (bucket !== undefined && timer !== undefined) this.#kill(bucket, timer)
  }

  /** A timer that the database has. */
  load(key: Key, time: number): void {
    this.#addLiving(this.#bucketAt(time), new Timer(key, time, this.domain, true))
  }

  /** The earliest living timer's time. */
  next(): number | undefined {
    return this.#top()?.time
  }

  /** Removes timers with time <= upTo, earliest first, at most `limit`. */
  take(upTo: number, limit: number): Timer[] {
    const taken: Timer[] = []
    while (taken.length < limit) {
      const bucket = this.#top()
      if (bucket === undefined || bucket.time > upTo) break
      const timer = bucket.first()
      this.#kill(bucket, timer)
      taken.push(timer)
    }
    return taken
  }

  /** A dead timer's row is being deleted: it need not be remembered, unless it was set again. */
  forget(timer: Timer): void {
    const bucket = this.#buckets.get(timer.time)
    if (bucket === undefined || timer.alive) return
    this.#unbury(bucket, timer)
    this.#discard(bucket)
  }

  /** The encoded row of this timer was not written after all: it is dirty again, or the timer that stands for it now. */
  recall(timer: Timer): void {
    const bucket = this.#bucketAt(timer.time)
    const known = bucket.living.find(timer.key) ?? bucket.dead?.find(timer.key)
    if (known === undefined) this.#bury(bucket, timer)
    const standing = known ?? timer
    standing.stored = true
    if (standing.dirty !== this.#dirty.epoch) this.#dirty.add(standing)
  }

  #kill(bucket: Bucket, timer: Timer): void {
    this.#change(timer)
    timer.alive = false
    bucket.living.remove(timer)
    this.#size -= 1
    if (timer.stored) return this.#bury(bucket, timer)
    timer.dirty = CLEAN
    this.#dirty.dropped(1)
  }

  #bury(bucket: Bucket, timer: Timer): void {
    bucket.dead ??= new TimerSet()
    bucket.dead.add(timer)
    this.#dead += 1
  }

  #unbury(bucket: Bucket, timer: Timer): void {
    if (bucket.dead?.remove(timer) === true) this.#dead -= 1
  }

  #change(timer: Timer): void {
    if (timer.dirty < this.#dirty.epoch) this.#touch(timer)
    if (timer.dirty !== this.#dirty.epoch) this.#dirty.add(timer)
  }

  #discard(bucket: Bucket): void {
    if (bucket.empty && !bucket.queued) this.#buckets.delete(bucket.time)
  }

  #addLiving(bucket: Bucket, timer: Timer): void {
    bucket.living.add(timer)
    this.#size += 1
    if (bucket.queued) return
    bucket.queued = true
    this.#heap.push(bucket)
    this.#siftUp(this.#heap.length - 1)
  }

  #bucketAt(time: number): Bucket {
    let bucket = this.#buckets.get(time)
    if (bucket === undefined) {
      bucket = new Bucket(time)
      this.#buckets.set(time, bucket)
    }
    return bucket
  }

  #top(): Bucket | undefined {
    for (;;) {
      const top = this.#heap[0]
      if (top === undefined || top.living.size > 0) return top
      this.#pop()
      top.queued = false
      this.#discard(top)
    }
  }

  #pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#siftDown()
  }

  #siftUp(from: number): void {
    const heap = this.#heap
    const moving = heap[from] as Bucket
    let at = from
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if ((heap[parent] as Bucket).time <= moving.time) break
      heap[at] = heap[parent] as Bucket
      at = parent
    }
    heap[at] = moving
  }

  #siftDown(): void {
    const heap = this.#heap
    const moving = heap[0] as Bucket
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Bucket).time < (heap[child] as Bucket).time) child += 1
      if ((heap[child] as Bucket).time >= moving.time) break
      heap[at] = heap[child] as Bucket
      at = child
    }
    heap[at] = moving
  }
}
