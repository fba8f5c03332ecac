// AbortedProducers: whose records are to be left out at the place where a partition is being read.
//
// Owns: the aborted transactions a fetch answer names, and of which of them the marker is still to come.
//
// I1. Batches are shown to it in offset order, each once.

/** A transaction that ended in an abort: its records from `firstOffset` to its marker do not count. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export class AbortedProducers {
  readonly #transactions: readonly AbortedTransaction[]
  readonly #open = new Set<number>()
  #next = 0

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = transactions.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether a transactional batch of this producer, which ends at `lastOffset`, is one of an aborted transaction. */
  has(producerId: number, lastOffset: number): boolean {
    this.#reach(lastOffset)
    return this.#open.has(producerId)
  }

  /** The producer's abort marker was read, at `offset`. */
  ended(producerId: number, offset: number): void {
    this.#reach(offset)
    this.#open.delete(producerId)
  }

  #reach(offset: number): void {
    for (; this.#next < this.#transactions.length; this.#next += 1) {
      const { producerId, firstOffset } = this.#transactions[this.#next] as AbortedTransaction
      if (firstOffset > offset) return
      this.#open.add(producerId)
    }
  }
}
