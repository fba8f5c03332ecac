// PersistedFilter: may the database have a row of this key? Spares the read of a key that is new.
//
// Owns: Bloom filters that together hold every key that was added. Each is twice the one before.
// Does not own: finding out what a restored database holds (rebuild-filter).
//
// I1. Never "no" for a key that was added, nor, between unknown() and known(), for any key.

import type { Key } from '../../src/util/key-group.ts'
import { hashKey } from '../../src/util/key-group.ts'

const FIRST_KEYS = 1 << 14
const BITS_PER_KEY = 16
const PROBES = 4

interface Layer {
  readonly words: Uint32Array
  readonly mask: number
  room: number
}

export class PersistedFilter {
  #unknown = false
  readonly #layers: Layer[] = []

  /** No key has a row. */
  get none(): boolean {
    return !this.#unknown && this.#layers.length === 0
  }

  /** From now on every key may have a row; those that are added are noted all the same. */
  unknown(): void {
    this.#unknown = true
  }

  /** By now every key that had a row at unknown() was added. */
  known(): void {
    this.#unknown = false
  }

  add(key: Key): void {
    const hash = hashKey(key)
    if (this.#holds(hash)) return
    let layer = this.#layers.at(-1)
    if (layer === undefined || layer.room === 0) layer = this.#grow()
    layer.room -= 1
    for (let i = 0; i < PROBES; i++) {
      const bit = probe(hash, i) & layer.mask
      layer.words[bit >>> 5] = (layer.words[bit >>> 5] as number) | (1 << (bit & 31))
    }
  }

  mayHave(key: Key): boolean {
    return this.#unknown || this.has(key)
  }

  /** Whether the key was added, or looks as if: what is answered once is answered always. */
  has(key: Key): boolean {
    return this.#layers.length > 0 && this.#holds(hashKey(key))
  }

  #holds(hash: number): boolean {
    // The last layer is as large as all before it.
    for (let i = this.#layers.length - 1; i >= 0; i--) if (holds(this.#layers[i] as Layer, hash)) return true
    return false
  }

  #grow(): Layer {
    const keys = FIRST_KEYS << Math.min(this.#layers.length, 12)
    const bits = keys * BITS_PER_KEY
    const layer = { words: new Uint32Array(bits >>> 5), mask: bits - 1, room: keys }
    this.#layers.push(layer)
    return layer
  }
}

function holds(layer: Layer, hash: number): boolean {
  for (let i = 0; i < PROBES; i++) {
    const bit = probe(hash, i) & layer.mask
    if (((layer.words[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false
  }
  return true
}

/** Double hashing: the hash, and a second one made from it. */
function probe(hash: number, i: number): number {
  const second = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) | 1
  return (hash + Math.imul(i, second)) >>> 0
}
