import type { ListState } from '../../src/contract/state.ts'
import type { EntryCache } from './entry-cache.ts'
import { readSlot, writeSlot } from './key-entry.ts'
import type { Stamped, Ttl } from './stamped.ts'

const EMPTY: readonly unknown[] = Object.freeze([])

/** A list per key. */
export class ListCell implements ListState<unknown> {
  readonly #cache: EntryCache
  readonly #index: number

  constructor(cache: EntryCache, index: number) {
    this.#cache = cache
    this.#index = index
  }

  get(): readonly unknown[] {
    return (readSlot(this.#cache.current, this.#index) as unknown[] | undefined) ?? EMPTY
  }

  add(value: unknown): void {
    const entry = this.#cache.current
    const list = readSlot(entry, this.#index) as unknown[] | undefined
    if (list === undefined) writeSlot(entry, this.#index, [value])
    else list.push(value)
    this.#cache.wrote(entry, value)
  }

  set(values: readonly unknown[]): void {
    const entry = this.#cache.current
    writeSlot(entry, this.#index, values.length === 0 ? undefined : [...values])
    this.#cache.wrote(entry, values)
  }

  clear(): void {
    this.#cache.clearSlot(this.#index)
  }
}

/** A list per key whose elements each end their life by themselves. */
export class ExpiringListCell implements ListState<unknown> {
  readonly #cache: EntryCache
  readonly #index: number
  readonly #ttl: Ttl

  constructor(cache: EntryCache, index: number, ttl: Ttl) {
    this.#cache = cache
    this.#index = index
    this.#ttl = ttl
  }

  get(): readonly unknown[] {
    const alive = this.#alive()
    if (alive.length > 0 && this.#ttl.refreshOnRead) {
      for (const stamped of alive) this.#ttl.refresh(stamped)
      this.#cache.wrote(this.#cache.current, alive)
    }
    return alive.map((stamped) => stamped.value)
  }

  add(value: unknown): void {
    const alive = this.#alive()
    alive.push(this.#ttl.stamp(value))
    this.#write(alive)
  }

  set(values: readonly unknown[]): void {
    this.#write(values.map((value) => this.#ttl.stamp(value)))
  }

  clear(): void {
    if (readSlot(this.#cache.current, this.#index) !== undefined) this.#write([])
  }

  /** The living elements; the others are removed. */
  #alive(): Stamped[] {
    const list = readSlot(this.#cache.current, this.#index) as Stamped[] | undefined
    if (list === undefined) return []
    if (list.every((stamped) => this.#ttl.alive(stamped))) return list
    const alive = list.filter((stamped) => this.#ttl.alive(stamped))
    this.#write(alive)
    return alive
  }

  #write(list: Stamped[]): void {
    const entry = this.#cache.current
    writeSlot(entry, this.#index, list.length === 0 ? undefined : list)
    this.#cache.wrote(entry, list)
  }
}
