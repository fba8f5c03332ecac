import type { ValueState } from '../../src/contract/state.ts'
import type { EntryCache } from './entry-cache.ts'
import { readSlot, writeSlot } from './key-entry.ts'
import type { Stamped, Ttl } from './stamped.ts'

/** One value per key. Setting undefined is clearing. */
export class ValueCell implements ValueState<unknown> {
  readonly #cache: EntryCache
  readonly #index: number

  constructor(cache: EntryCache, index: number) {
    this.#cache = cache
    this.#index = index
  }

  get(): unknown {
    return readSlot(this.#cache.current, this.#index)
  }

  set(value: unknown): void {
    const entry = this.#cache.current
    writeSlot(entry, this.#index, value)
    this.#cache.wrote(entry, value)
  }

  clear(): void {
    this.#cache.clearSlot(this.#index)
  }
}

/** One value per key that ends its life by itself. */
export class ExpiringValueCell implements ValueState<unknown> {
  readonly #cache: EntryCache
  readonly #index: number
  readonly #ttl: Ttl

  constructor(cache: EntryCache, index: number, ttl: Ttl) {
    this.#cache = cache
    this.#index = index
    this.#ttl = ttl
  }

  get(): unknown {
    const entry = this.#cache.current
    const stamped = readSlot(entry, this.#index) as Stamped | undefined
    if (stamped === undefined) return undefined
    if (!this.#ttl.alive(stamped)) {
      this.clear()
      return undefined
    }
    if (this.#ttl.refreshOnRead) {
      this.#ttl.refresh(stamped)
      this.#cache.wrote(entry, stamped)
    }
    return stamped.value
  }

  set(value: unknown): void {
    const entry = this.#cache.current
    const stamped = value === undefined ? undefined : this.#ttl.stamp(value)
    writeSlot(entry, this.#index, stamped)
    this.#cache.wrote(entry, stamped)
  }

  clear(): void {
    if (readSlot(this.#cache.current, this.#index) !== undefined) this.set(undefined)
  }
}
