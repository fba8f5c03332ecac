// KeyLoader: reads the rows of keys into their entries.
//
// Owns: the reads under way.
// Does not own: which keys are read, entries' places in the cache (but it takes those out whose read failed).
//
// I1. An entry is LOADING from before its read begins until its slots are filled.

import type { EntryCache } from './entry-cache.ts'
import { type EntryCodec, HAS_MAP_ROWS, MIGRATED } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import { CLEAN, LOADING } from './key-entry.ts'
import type { RocksStore } from './rocks-store.ts'
import { afterPrefix } from './row-key.ts'

const SCANS_AT_ONCE = 8

export class KeyLoader {
  readonly #cache: EntryCache
  readonly #codec: EntryCodec
  readonly #store: RocksStore
  readonly #loads = new Set<Promise<void>>()

  constructor(cache: EntryCache, codec: EntryCodec, store: RocksStore) {
    this.#cache = cache
    this.#codec = codec
    this.#store = store
  }

  get underWay(): number {
    return this.#loads.size
  }

  /** Reads these entries, which are LOADING and attached. If the read fails they are gone, and the promise rejects. */
  load(entries: readonly KeyEntry[]): Promise<void> {
    const load = this.#load(entries).finally(() => this.#loads.delete(load))
    this.#loads.add(load)
    return load
  }

  /** Resolves when the reads under way now have ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#loads)
  }

  async #load(entries: readonly KeyEntry[]): Promise<void> {
    try {
      const rows = await this.#store.getMany(entries.map((entry) => this.#codec.mainRowKey(entry.key)))
      const migrated = new Set<KeyEntry>()
      const withMaps: KeyEntry[] = []
      for (const [i, entry] of entries.entries()) {
        const row = rows[i]
        if (row === undefined) continue
        const found = this.#codec.decodeMain(entry, row)
        if ((found & MIGRATED) !== 0) migrated.add(entry)
        if ((found & HAS_MAP_ROWS) !== 0) withMaps.push(entry)
      }
      await this.#loadMaps(withMaps, migrated)
      for (const entry of entries) this.#ready(entry, migrated.has(entry))
    } catch (error) {
      for (const entry of entries) this.#cache.detach(entry)
      throw error
    }
  }

  #ready(entry: KeyEntry, migrated: boolean): void {
    entry.dirty = CLEAN
    if (migrated) this.#cache.dirty.add(entry)
    this.#cache.recharge(entry)
  }

  async #loadMaps(entries: readonly KeyEntry[], migrated: Set<KeyEntry>): Promise<void> {
    const left = entries.values()
    const one = async (): Promise<void> => {
      for (const entry of left) if (await this.#loadMap(entry)) migrated.add(entry)
    }
    await Promise.all(Array.from({ length: Math.min(SCANS_AT_ONCE, entries.length) }, one))
  }

  async #loadMap(entry: KeyEntry): Promise<boolean> {
    const prefix = this.#codec.mapRowPrefix(entry.key)
    let found = 0
    for await (const rows of this.#store.scan(prefix, afterPrefix(prefix))) {
      for (const [key, value] of rows) found |= this.#codec.decodeMapRow(entry, key, value)
    }
    return (found & MIGRATED) !== 0
  }
}

/** A new entry whose rows are about to be read. */
export function markLoading(entry: KeyEntry): KeyEntry {
  entry.dirty = LOADING
  return entry
}
