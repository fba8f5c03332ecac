// LruCache: what was looked up lately, up to a number of entries and an age.
//
// I1. There are never more than `entriesMax` entries; the one that was not read for longest goes first.
// I2. What is older than `ttlMs` is as if it was never there.

/** See the head of this file. */
export class LruCache<K, V> {
  readonly #entriesMax: number
  readonly #ttlMs: number
  readonly #now: () => number
  /** In the order of their last use: a Map iterates in the order of insertion. */
  readonly #entries = new Map<K, { readonly value: V; readonly untilMs: number }>()

  constructor(options: { readonly entriesMax: number; readonly ttlMs: number; readonly now: () => number }) {
    this.#entriesMax = options.entriesMax
    this.#ttlMs = options.ttlMs
    this.#now = options.now
  }

  get size(): number {
    return this.#entries.size
  }

  has(key: K): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    if (this.#now() < entry.untilMs) return true
    this.#entries.delete(key)
    return false
  }

  /** The value of a key that it has; reading it makes it the last to go. */
  get(key: K): V | undefined {
    if (!this.has(key)) return undefined
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, untilMs: this.#now() + this.#ttlMs })
    if (this.#entries.size <= this.#entriesMax) return
    const oldest = this.#entries.keys().next()
    if (oldest.done !== true) this.#entries.delete(oldest.value)
  }
}
