// EntryMap: entries by key, in many small Maps.
//
// One JavaScript Map of a million entries is copied in one go when it grows (a pause of 100 ms and more), and can hold 16.7 M.
// Of 256 Maps each is copied for itself, and the pause does not grow with the state.
//
// Owns: the Maps. Does not own: entries.

import type { Key } from '../../src/util/key-group.ts'
import { mapKeyOf } from '../../src/util/key-group.ts'
import type { KeyEntry } from './key-entry.ts'

type MapKey = ReturnType<typeof mapKeyOf>

const SHARDS = 256

export class EntryMap {
  readonly #shards: readonly Map<MapKey, KeyEntry>[] = Array.from({ length: SHARDS }, () => new Map<MapKey, KeyEntry>())
  #size = 0
  #walked = 0
  #walk: Iterator<KeyEntry> | undefined

  get size(): number {
    return this.#size
  }

  get(key: Key): KeyEntry | undefined {
    const mapKey = mapKeyOf(key)
    return this.#shard(mapKey).get(mapKey)
  }

  /** Adds an entry that is not there. */
  add(entry: KeyEntry): void {
    const mapKey = mapKeyOf(entry.key)
    this.#shard(mapKey).set(mapKey, entry)
    this.#size += 1
  }

  /** Removes an entry that is there. */
  remove(entry: KeyEntry): void {
    const mapKey = mapKeyOf(entry.key)
    if (this.#shard(mapKey).delete(mapKey)) this.#size -= 1
  }

  /** The next entry on an endless walk round all of them; undefined if there is none. */
  next(): KeyEntry | undefined {
    for (let passed = 0; passed <= SHARDS; passed++) {
      this.#walk ??= (this.#shards[this.#walked] as Map<MapKey, KeyEntry>).values()
      const next = this.#walk.next()
      if (next.done !== true) return next.value
      this.#walked = (this.#walked + 1) % SHARDS
      this.#walk = undefined
    }
    return undefined
  }

  #shard(key: MapKey): Map<MapKey, KeyEntry> {
    return this.#shards[shardOf(key)] as Map<MapKey, KeyEntry>
  }
}

/** Cheap, and spreads keys that count up, that share a beginning or an end, or that are times. */
function shardOf(key: MapKey): number {
  if (typeof key === 'number') return ((key | 0) === key ? key ^ (key >>> 8) : key % 251) & (SHARDS - 1)
  if (typeof key === 'string') return spreadText(key)
  return Number(key) & (SHARDS - 1)
}

function spreadText(key: string): number {
  const length = key.length
  if (length === 0) return 0
  const last = key.charCodeAt(length - 1)
  return (
    (last ^ (key.charCodeAt(length >>> 1) << 3) ^ (key.charCodeAt(length - (length > 2 ? 3 : 1)) << 5) ^ length) &
    (SHARDS - 1)
  )
}
