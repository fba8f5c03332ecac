import type { Key } from '../../src/util/key-group.ts'
import { mapKeyOf } from '../../src/util/key-group.ts'
import { CLEAN } from './key-entry.ts'
import type { TimerDomain } from './row-key.ts'

// Flags of a timer.
/** Set and not deleted. */
const ALIVE = 1
/** The database may have its row. */
const STORED = 2
const EVENT = 4

/** One (time, key) of one domain. Small, for there are many. */
export class Timer {
  readonly key: Key
  readonly time: number
  /** Like KeyEntry.dirty. */
  dirty = CLEAN
  #flags: number

  constructor(key: Key, time: number, domain: TimerDomain) {
    this.key = key
    this.time = time
    this.#flags = domain === 'event' ? EVENT : 0
  }

  get domain(): TimerDomain {
    return (this.#flags & EVENT) === 0 ? 'processing' : 'event'
  }

  get alive(): boolean {
    return (this.#flags & ALIVE) !== 0
  }

  set alive(alive: boolean) {
    this.#flags = alive ? this.#flags | ALIVE : this.#flags & ~ALIVE
  }

  get stored(): boolean {
    return (this.#flags & STORED) !== 0
  }

  markStored(): void {
    this.#flags |= STORED
  }

  isOf(key: Key): boolean {
    return this.key === key || mapKeyOf(this.key) === mapKeyOf(key)
  }
}

type MapKey = ReturnType<typeof mapKeyOf>

/** The timers of one time, living and dead, where there is more than one. */
export class TimerBucket {
  readonly time: number
  readonly timers = new Map<MapKey, Timer>()
  living = 0
  /** Where taking goes on, so that a large bucket is passed over once however small the helpings. */
  #cursor: Iterator<Timer> | undefined

  constructor(time: number) {
    this.time = time
  }

  find(key: Key): Timer | undefined {
    return this.timers.get(mapKeyOf(key))
  }

  add(timer: Timer): void {
    this.timers.set(mapKeyOf(timer.key), timer)
  }

  /** A living timer. Only while there is one. */
  first(): Timer {
    for (;;) {
      this.#cursor ??= this.timers.values()
      const next = this.#cursor.next()
      if (next.done !== true && next.value.alive) return next.value
      if (next.done === true) this.#cursor = undefined
    }
  }
}
