// DirtyList: what changed since the last freeze.
//
// Owns: the list and the number of the present epoch (the time between two freezes).
// Does not own: the items. An item's `dirty` is the epoch in which it was listed, or one of key-entry's constants.
//
// I1. An item with dirty === epoch is listed exactly once. The list may hold others: they do not count.

const COMPACT_MIN = 4096

export class DirtyList<T extends { dirty: number }> {
  epoch = 1
  #items: T[] = []
  #stale = 0

  add(item: T): void {
    item.dirty = this.epoch
    this.#items.push(item)
  }

  /** `count` items were made something else than dirty: they stay in the list until these are half of it. */
  dropped(count: number): void {
    this.#stale += count
    if (this.#stale < COMPACT_MIN || this.#stale * 2 < this.#items.length) return
    this.#items = this.#items.filter((item) => item.dirty === this.epoch)
    this.#stale = 0
  }

  /** Ends the epoch and answers its list. */
  freeze(): T[] {
    const frozen = this.#items
    this.#items = []
    this.#stale = 0
    this.epoch += 1
    return frozen
  }
}
