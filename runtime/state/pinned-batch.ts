import type { Key } from '../../src/util/key-group.ts'
import { ATTACHED, type KeyEntry, LOADING } from './key-entry.ts'

/** The keys of a batch with their entries, which the cache keeps until the batch is done: they need not be looked up again. */
export class PinnedBatch {
  readonly keys: readonly Key[]
  readonly #entries: readonly KeyEntry[]
  #at = 0

  constructor(keys: readonly Key[], entries: readonly KeyEntry[]) {
    this.keys = keys
    this.#entries = entries
  }

  /** The entry of this key if it is the next in turn: most operators take the records of a batch as they come. */
  next(key: Key): KeyEntry | undefined {
    const entry = this.#entries[this.#at]
    if (entry === undefined || entry.key !== key) return undefined
    this.#at += 1
    return entry
  }

  /** None has left the cache. */
  get attached(): boolean {
    return this.#entries.every((entry) => (entry.flags & ATTACHED) !== 0)
  }

  get loading(): boolean {
    return this.#entries.some((entry) => entry.dirty === LOADING)
  }
}

export const NO_BATCH = new PinnedBatch([], [])
