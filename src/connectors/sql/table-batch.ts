// TableBatch: what is to be done to one table, with all that cancels out left out.
//
// I1. Done in any order of rows, but deletes before writes, it leaves what the changes leave in the order they came.
// I2. Of a table with a key it holds each key once: its last change. Of counted rows it holds each once, with a count; of rows that are
//     only added, all.

import type { SqlTable } from './dialect.ts'

type Values = readonly unknown[]

/** Deletes and writes of one table; `counts` go with `removes` of counted rows. */
export interface TableWork<Table extends SqlTable> {
  readonly table: Table
  readonly removes: readonly Values[]
  readonly counts: readonly number[] | undefined
  readonly writes: readonly Values[]
}

interface Counted {
  readonly row: Values
  count: number
}

export class TableBatch<Table extends SqlTable> {
  readonly table: Table
  readonly #removes = new Map<unknown, Values>()
  readonly #writes = new Map<unknown, Values>()
  readonly #added: Values[] = []
  /** How many more of each row there are to be. */
  readonly #balance = new Map<unknown, Counted>()

  constructor(table: Table) {
    this.table = table
  }

  get size(): number {
    return this.#removes.size + this.#writes.size + this.#balance.size + this.#added.length
  }

  write(row: Values): void {
    const { rows } = this.table
    if (rows === 'added') return void this.#added.push(row)
    if (rows === 'counted') return this.#count(row, 1)
    const id = this.table.idOf(row)
    if (this.#removes.size > 0) this.#removes.delete(id)
    // A Map keeps the place of the first: of two keys that may be one the last is to be written last.
    if (this.table.looseKey) this.#writes.delete(id)
    this.#writes.set(id, row)
  }

  /** Of a row with a key, only the key's values count. Rows that are only added stay. */
  remove(row: Values): void {
    if (this.table.rows !== 'keyed') return this.#count(row, -1)
    const id = this.table.idOf(row)
    if (this.#writes.size > 0) this.#writes.delete(id)
    this.#removes.set(id, row)
  }

  work(): TableWork<Table> {
    const { table } = this
    if (table.rows === 'added') return { table, removes: [], counts: undefined, writes: this.#added }
    if (table.rows === 'keyed') {
      return { table, removes: [...this.#removes.values()], counts: undefined, writes: [...this.#writes.values()] }
    }
    const less = [...this.#balance.values()].filter(({ count }) => count < 0)
    const writes = [...this.#balance.values()].flatMap(({ row, count }) =>
      count > 0 ? new Array<Values>(count).fill(row) : [],
    )
    return { table, removes: less.map(({ row }) => row), counts: less.map(({ count }) => -count), writes }
  }

  #count(row: Values, by: number): void {
    const id = this.table.idOf(row)
    const counted = this.#balance.get(id)
    if (counted === undefined) this.#balance.set(id, { row, count: by })
    else counted.count += by
  }
}
