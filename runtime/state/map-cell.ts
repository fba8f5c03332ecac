import type { MapState } from '../../src/contract/state.ts'
import type { EntryCache } from './entry-cache.ts'
import { mapSlotOf } from './entry-codec.ts'
import { readSlot } from './key-entry.ts'
import type { MapSlot, UserKey } from './map-slot.ts'
import type { Stamped, Ttl } from './stamped.ts'

/** A map per key, kept entry by entry. */
export class MapCell implements MapState<UserKey, unknown> {
  readonly #cache: EntryCache
  readonly #index: number

  constructor(cache: EntryCache, index: number) {
    this.#cache = cache
    this.#index = index
  }

  get size(): number {
    return this.#slot?.items.size ?? 0
  }

  get(key: UserKey): unknown {
    return this.#slot?.items.get(key)
  }

  has(key: UserKey): boolean {
    return this.#slot?.items.has(key) ?? false
  }

  set(key: UserKey, value: unknown): void {
    const entry = this.#cache.current
    const slot = mapSlotOf(entry, this.#index)
    slot.items.set(key, value)
    slot.touch(key)
    this.#cache.wrote(entry, slot)
  }

  delete(key: UserKey): void {
    const slot = this.#slot
    if (slot === undefined || !slot.items.delete(key)) return
    slot.touch(key)
    this.#cache.wrote(this.#cache.current, slot)
  }

  entries(): IterableIterator<[UserKey, unknown]> {
    return (this.#slot?.items ?? new Map<UserKey, unknown>()).entries()
  }

  clear(): void {
    clearMap(this.#cache, this.#slot)
  }

  get #slot(): MapSlot | undefined {
    return readSlot(this.#cache.current, this.#index) as MapSlot | undefined
  }
}

/** A map per key whose entries each end their life by themselves. */
export class ExpiringMapCell implements MapState<UserKey, unknown> {
  readonly #cache: EntryCache
  readonly #index: number
  readonly #ttl: Ttl

  constructor(cache: EntryCache, index: number, ttl: Ttl) {
    this.#cache = cache
    this.#index = index
    this.#ttl = ttl
  }

  get size(): number {
    this.#dropExpired()
    return this.#slot?.items.size ?? 0
  }

  get(key: UserKey): unknown {
    const stamped = this.#alive(key)
    if (stamped === undefined) return undefined
    if (this.#ttl.refreshOnRead) this.#refresh(key, stamped)
    return stamped.value
  }

  has(key: UserKey): boolean {
    return this.#alive(key) !== undefined
  }

  set(key: UserKey, value: unknown): void {
    const entry = this.#cache.current
    const slot = mapSlotOf(entry, this.#index)
    slot.items.set(key, this.#ttl.stamp(value))
    slot.touch(key)
    this.#cache.wrote(entry, slot)
  }

  delete(key: UserKey): void {
    const slot = this.#slot
    if (slot === undefined || !slot.items.delete(key)) return
    slot.touch(key)
    this.#cache.wrote(this.#cache.current, slot)
  }

  entries(): IterableIterator<[UserKey, unknown]> {
    this.#dropExpired()
    const alive = [...(this.#slot?.items ?? [])] as [UserKey, Stamped][]
    if (this.#ttl.refreshOnRead) for (const [key, stamped] of alive) this.#refresh(key, stamped)
    return alive.map(([key, stamped]): [UserKey, unknown] => [key, stamped.value]).values()
  }

  clear(): void {
    clearMap(this.#cache, this.#slot)
  }

  get #slot(): MapSlot | undefined {
    return readSlot(this.#cache.current, this.#index) as MapSlot | undefined
  }

  #alive(key: UserKey): Stamped | undefined {
    const stamped = this.#slot?.items.get(key) as Stamped | undefined
    if (stamped === undefined || this.#ttl.alive(stamped)) return stamped
    this.delete(key)
    return undefined
  }

  #refresh(key: UserKey, stamped: Stamped): void {
    const slot = this.#slot as MapSlot
    this.#ttl.refresh(stamped)
    slot.touch(key)
    this.#cache.wrote(this.#cache.current, slot)
  }

  #dropExpired(): void {
    for (const key of this.#slot?.items.keys() ?? []) this.#alive(key)
  }
}

function clearMap(cache: EntryCache, slot: MapSlot | undefined): void {
  if (slot === undefined || slot.items.size === 0) return
  if (slot.rows) slot.touchRows(slot.items.keys())
  slot.items.clear()
  cache.wrote(cache.current, slot)
}
