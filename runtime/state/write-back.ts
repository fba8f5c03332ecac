// WriteBack: writes cold dirty entries and timers to the database so that they can leave the heap; one round at a time, in the
// background.
//
// Owns: the round under way.
// Does not own: choosing them, letting them go.
//
// I1. No round begins while a snapshot is under way: what it would write is younger than the barrier.
// I2. No key is in two writes at once: a round begins when all writes before it are done.

import type { EntryCache } from './entry-cache.ts'
import type { EntryCodec } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import { CLEAN, FLUSHING } from './key-entry.ts'
import type { KeyedTimers } from './keyed-timers.ts'
import type { RocksStore } from './rocks-store.ts'
import { inRowOrder, ORDERED_MAX } from './row-order.ts'
import type { Timer } from './timer.ts'
import { WriteGroup } from './write-group.ts'

/** The most entries, and the most timers, that one round takes. */
export const WRITE_BACK_MAX = ORDERED_MAX

export class WriteBack {
  readonly #cache: EntryCache
  readonly #codec: EntryCodec
  readonly #store: RocksStore
  readonly #timers: KeyedTimers
  readonly #keyGroups: number
  #round: Promise<void> | undefined
  #failure: unknown

  constructor(parts: {
    readonly cache: EntryCache
    readonly codec: EntryCodec
    readonly store: RocksStore
    readonly timers: KeyedTimers
    readonly keyGroups: number
  }) {
    this.#cache = parts.cache
    this.#codec = parts.codec
    this.#store = parts.store
    this.#timers = parts.timers
    this.#keyGroups = parts.keyGroups
  }

  get busy(): boolean {
    return this.#round !== undefined
  }

  /** Encodes and begins to write what is dirty; it is clean afterwards unless changed meanwhile. Not while busy. */
  start(entries: readonly KeyEntry[], timers: readonly Timer[]): void {
    const groups: WriteGroup[] = []
    let group = new WriteGroup(this.#store.batch())
    const sealFull = (): void => {
      if (!group.full) return
      groups.push(group)
      group = new WriteGroup(this.#store.batch())
    }
    for (const entry of inRowOrder(entries, this.#keyGroups)) {
      this.#codec.encode(entry, group.batch, group.maps)
      entry.dirty = FLUSHING
      group.entries.push(entry)
      sealFull()
    }
    for (const timer of timers) {
      this.#timers.encode(timer, group.batch)
      timer.dirty = FLUSHING
      group.timers.push(timer)
      sealFull()
    }
    groups.push(group)
    this.#cache.dirty.dropped(entries.length)
    this.#timers.dirty.dropped(timers.length)
    this.#round = this.#write(groups)
  }

  /** Resolves when no round is under way. Rejects if a write ever failed: the cache cannot be trusted to shrink any more. */
  async settled(): Promise<void> {
    await this.#round
    if (this.#failure !== undefined) throw this.#failure
  }

  async #write(groups: readonly WriteGroup[]): Promise<void> {
    try {
      // A snapshot that was given up may still be writing.
      await this.#store.writesDone()
      for (const group of groups) await this.#writeGroup(group)
    } catch (error) {
      this.#failure = error
    } finally {
      this.#round = undefined
    }
  }

  async #writeGroup(group: WriteGroup): Promise<void> {
    if (group.batch.rows > 0) await this.#store.write(group.batch)
    for (const entry of group.entries) if (entry.dirty === FLUSHING) entry.dirty = CLEAN
    for (const timer of group.timers) {
      if (timer.dirty !== FLUSHING) continue
      timer.dirty = CLEAN
      this.#timers.written(timer)
    }
  }
}
