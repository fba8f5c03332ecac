// WriteBack: writes cold dirty entries to the database so that they can be evicted; one round at a time, in the background.
//
// Owns: the round under way.
// Does not own: choosing entries, evicting them.
//
// I1. No round begins while a snapshot is under way: what it would write is younger than the barrier.
// I2. No key is in two writes at once: a round begins when all writes before it are done.

import type { EntryCache } from './entry-cache.ts'
import type { EntryCodec } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import { CLEAN, FLUSHING } from './key-entry.ts'
import type { RocksStore } from './rocks-store.ts'
import { GROUP_ROWS, GROUPS_IN_FLIGHT, WriteGroup } from './write-group.ts'

/** The most entries that one round takes. */
export const WRITE_BACK_MAX = GROUP_ROWS * GROUPS_IN_FLIGHT

export class WriteBack {
  readonly #cache: EntryCache
  readonly #codec: EntryCodec
  readonly #store: RocksStore
  #round: Promise<void> | undefined
  #failure: unknown

  constructor(cache: EntryCache, codec: EntryCodec, store: RocksStore) {
    this.#cache = cache
    this.#codec = codec
    this.#store = store
  }

  get busy(): boolean {
    return this.#round !== undefined
  }

  /** Encodes and begins to write these dirty entries; they are clean afterwards unless changed meanwhile. Not while busy. */
  start(entries: readonly KeyEntry[]): void {
    const groups: WriteGroup[] = []
    let group = new WriteGroup(this.#store.batch())
    for (const entry of entries) {
      this.#codec.encode(entry, group.batch, group.maps)
      entry.dirty = FLUSHING
      group.entries.push(entry)
      if (!group.full) continue
      groups.push(group)
      group = new WriteGroup(this.#store.batch())
    }
    if (group.entries.length > 0) groups.push(group)
    this.#cache.dirty.dropped(entries.length)
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
      await Promise.all(groups.map((group) => this.#writeGroup(group)))
    } catch (error) {
      this.#failure = error
    } finally {
      this.#round = undefined
    }
  }

  async #writeGroup(group: WriteGroup): Promise<void> {
    if (group.batch.rows > 0) await this.#store.write(group.batch)
    for (const entry of group.entries) if (entry.dirty === FLUSHING) entry.dirty = CLEAN
  }
}
