// Evictor: keeps the heap at its limit: clean and cold entries go, cold dirty ones are written back first; so do late timers.
//
// Owns: the filter of keys whose rows are in the database only.
// Does not own: the cache, the timers, the write-back's rounds, the snapshot under way.
//
// I1. A key that is evicted and has a row is in the filter before it leaves the cache.
// I2. room() never waits for something that only its caller could bring about: when nothing but entries younger than a
//     snapshot's barrier is left and finish() was not called yet, the cache grows beyond its limit until it is.

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EntryCache } from './entry-cache.ts'
import { FILTERED, type KeyEntry, STORED } from './key-entry.ts'
import type { KeyedTimers } from './keyed-timers.ts'
import { PersistedFilter } from './persisted-filter.ts'
import type { SnapshotWriter } from './snapshot-writer.ts'
import { WRITE_BACK_MAX, type WriteBack } from './write-back.ts'

const STEPS = 16_384
const ASSIST_MS = 5

export interface EvictorParts {
  readonly cache: EntryCache
  readonly writeBack: WriteBack
  readonly cacheBytes: number
  readonly timers: KeyedTimers
  readonly snapshot: () => SnapshotWriter | undefined
}

export class Evictor {
  readonly filter = new PersistedFilter()
  readonly #parts: EvictorParts

  constructor(parts: EvictorParts) {
    this.#parts = parts
  }

  get overLimit(): boolean {
    return this.#parts.cache.residentBytes > this.#goal || this.#parts.timers.overLimit
  }

  /** Takes a clean entry out of the cache. */
  readonly evict = (entry: KeyEntry): void => {
    if ((entry.flags & (STORED | FILTERED)) === STORED) this.filter.add(entry.key)
    this.#parts.cache.detach(entry)
    // A list of dirty entries may still refer to it.
    entry.slot0 = undefined
    entry.rest = undefined
  }

  /** Makes room after the keys needed now were pinned. Undefined if that was done at once, or goes on in the background. */
  room(): Promise<void> | undefined {
    if (!this.overLimit) return undefined
    this.#sweep()
    return this.#farOverLimit ? this.#waitForRoom() : undefined
  }

  get #farOverLimit(): boolean {
    const { cache, timers } = this.#parts
    return cache.residentBytes > this.#goal * (1 + 1 / 8) || timers.farOverLimit
  }

  get #goal(): number {
    return Math.max(0, this.#parts.cacheBytes - this.#parts.timers.bytes)
  }

  /** Answers whether something is being written back. */
  #sweep(): boolean {
    const { cache, timers, writeBack, snapshot } = this.#parts
    const idle = snapshot() === undefined && !writeBack.busy
    const dirtyMax = idle ? WRITE_BACK_MAX : 0
    const dirty = cache.sweep({ goalBytes: this.#goal, steps: STEPS, dirtyMax, evict: this.evict })
    const dirtyTimers = timers.sweep(STEPS, dirtyMax)
    if (dirty.length + dirtyTimers.length > 0) writeBack.start(dirty, dirtyTimers)
    return writeBack.busy
  }

  async #waitForRoom(): Promise<void> {
    const { cache, timers, writeBack } = this.#parts
    // Three rounds of the hand: unmark, find, and what was written back meanwhile.
    for (let steps = (cache.size + timers.size) * 3 + STEPS; steps > 0 && this.overLimit; steps -= STEPS) {
      if (this.#sweep()) {
        await writeBack.settled()
        continue
      }
      if (!(await this.#snapshotMoves())) return
    }
    await writeBack.settled()
  }

  /** Waits for what the snapshot under way will make clean. False if that depends on the caller. */
  async #snapshotMoves(): Promise<boolean> {
    const snapshot = this.#parts.snapshot()
    if (snapshot === undefined) return true
    if (!snapshot.encoded) {
      snapshot.encodeSlice(ASSIST_MS)
      await nextTurn()
      return true
    }
    if (snapshot.finishing === undefined) return false
    await snapshot.finishing
    return true
  }
}
