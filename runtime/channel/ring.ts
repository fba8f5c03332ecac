// Ring: a queue over an array that is used round and round.
//
// Owns: its items. Does not own: who waits when it is full.
//
// I1. Items leave in the order they came.
// I2. Never more than `capacityMax` items: going beyond is a bug of the caller, who must ask for room first.

import { assert } from '../../src/util/assert.ts'

export class Ring<T> {
  readonly #capacityMax: number
  #items: (T | undefined)[]
  #head = 0
  #size = 0

  constructor(capacityMax: number) {
    this.#capacityMax = capacityMax
    this.#items = new Array<T | undefined>(8).fill(undefined)
  }

  get size(): number {
    return this.#size
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    if (this.#size === this.#items.length) this.#grow()
    this.#items[(this.#head + this.#size) & (this.#items.length - 1)] = item
    this.#size += 1
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#items.length - 1)
    this.#size -= 1
    return item
  }

  clear(): void {
    this.#items.fill(undefined)
    this.#head = 0
    this.#size = 0
  }

  #grow(): void {
    assert(this.#size < this.#capacityMax, `a queue of at most ${this.#capacityMax} items was overfilled`)
    const items = new Array<T | undefined>(this.#items.length * 2).fill(undefined)
    for (let i = 0; i < this.#size; i += 1) items[i] = this.#items[(this.#head + i) & (this.#items.length - 1)]
    this.#items = items
    this.#head = 0
  }
}
