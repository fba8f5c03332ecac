// PersistedFilter: may the database have a row of this key? Spares the read of a key that is new.
//
// Owns: Bloom filters that together hold every key that was added. Each is twice the one before.
// Does not own: the knowledge of a restored database: all() says "maybe" to everything from then on.
//
// I1. Never "no" for a key that was added.

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
  #all = false
  readonly #layers: Layer[] = []

  /** Nothing was stored, ever. */
  get none(): boolean {
    return !this.#all && this.#layers.length === 0
  }

  /** From now on every key may be stored. */
  all(): void {
    this.#all = true
  }

  add(key: Key): void {
    if (this.mayHave(key)) return
    const hash = hashKey(key)
    let layer = this.#layers.at(-1)
    if (layer === undefined || layer.room === 0) layer = this.#grow()
    layer.room -= 1
    for (let i = 0; i < PROBES; i++) {
      const bit = probe(hash, i) & layer.mask
      layer.words[bit >>> 5] = (layer.words[bit >>> 5] as number) | (1 << (bit & 31))
    }
  }

  mayHave(key: Key): boolean {
    if (this.#all) return true
    if (this.#layers.length === 0) return false
    const hash = hashKey(key)
    return this.#layers.some((layer) => holds(layer, hash))
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
