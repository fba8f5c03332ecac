// TransactionOrder: where in its transaction a change stands.
//
// Owns: how many changes of the present transaction were counted. Does not own: which changes there are.
//
// I1. A transaction is counted on after a restore, by whichever subtask its rest comes to: each subtask is given what all counted,
//     and keeps it until a later transaction comes to it.

/** How far a transaction was counted: in all, and by table. */
interface Count {
  readonly id: string
  total: number
  readonly tables: Record<string, number>
}

/** What a checkpoint holds of one subtask: what others left, then its own. */
export type SavedCounts = readonly Count[]

/** A job reads few logs, and each has one transaction under way: more are from lives long past. */
const CARRIED_MAX = 64

/** See the head of this file. */
export class TransactionOrder {
  #count: Count | undefined
  #restored = new Map<string, Count>()

  /** Debezium's `transaction` block for the next change of a transaction. */
  next(id: string | undefined, table: string): string {
    if (id === undefined) return 'null'
    if (this.#count?.id !== id) this.#begin(id)
    const count = this.#count as Count
    count.total += 1
    const inTable = (count.tables[table] ?? 0) + 1
    count.tables[table] = inTable
    return `{"id":${JSON.stringify(id)},"total_order":${count.total},"data_collection_order":${inTable}}`
  }

  snapshot(): SavedCounts {
    const own = this.#count === undefined ? [] : [this.#count]
    return [...this.#restored.values(), ...own]
      .slice(-CARRIED_MAX)
      .map((count) => ({ ...count, tables: { ...count.tables } }))
  }

  restore(states: readonly SavedCounts[]): void {
    for (const count of states.flat()) {
      const other = this.#restored.get(count.id)
      if (other === undefined || other.total < count.total) this.#restored.set(count.id, count)
    }
  }

  #begin(id: string): void {
    const { total, tables } = this.#restored.get(id) ?? { total: 0, tables: {} }
    this.#count = { id, total, tables: Object.assign(Object.create(null) as Record<string, number>, tables) }
    this.#restored.clear()
  }
}
