// Tables: what a function keeps of each table that changes come of, and the columns told last, which outlive it.
//
// Owns: the columns told by records of op `s`. Does not own: what is made of them.
//
// I1. What is made of a table is made anew when its columns are told again, and only then.
// I2. After a restore a subtask goes on with the columns it had itself; of a table it did not have, with those told last to any other.

import type { Change, ChangeSource, TableSchema } from '../../../record/change.ts'

/** By table: where it is, the columns, and when the source said them. */
type SavedSchema = readonly [
  connector: string,
  database: string,
  table: string,
  schema: TableSchema,
  timestampMs: number,
]

/** What a checkpoint holds of one subtask. */
export interface SavedTables {
  readonly subtask: number
  readonly schemas: readonly SavedSchema[]
}

type Source = Pick<ChangeSource, 'connector' | 'database' | 'table'>

/** See the head of this file. */
export class Tables<T> {
  readonly #make: (source: Source, schema: TableSchema | undefined) => T
  readonly #schemas = new Map<string, SavedSchema>()
  readonly #made = new Map<string, T>()
  #source: Source | undefined
  #last: T | undefined

  constructor(make: (source: Source, schema: TableSchema | undefined) => T) {
    this.#make = make
  }

  /** What was made of the table that a change is of. */
  of(source: Source): T {
    const last = this.#source
    if (last === source) return this.#last as T
    if (last === undefined || !sameTable(last, source)) {
      const id = idOf(source)
      let made = this.#made.get(id)
      if (made === undefined) {
        made = this.#make(source, this.#schemas.get(id)?.[3])
        this.#made.set(id, made)
      }
      this.#last = made
    }
    this.#source = source
    return this.#last as T
  }

  /** Takes in a record of op `s`, and gives what is made of the table with its columns. */
  told({ source, schema }: Pick<Change<unknown>, 'source' | 'schema'>): T {
    const { connector, database, table, timestampMs } = source
    const id = idOf(source)
    if (schema !== undefined) this.#schemas.set(id, [connector, database, table, schema, timestampMs])
    this.#made.delete(id)
    this.#source = undefined
    return this.of(source)
  }

  /** undefined while no columns were told. */
  snapshot(subtask: number): SavedTables | undefined {
    return this.#schemas.size === 0 ? undefined : { subtask, schemas: [...this.#schemas.values()] }
  }

  restore(states: readonly SavedTables[], subtask: number): void {
    const own = states.find((state) => state.subtask === subtask)
    for (const { schemas } of states)
      for (const saved of schemas) {
        const id = idOf({ connector: saved[0], database: saved[1], table: saved[2] })
        if (saved[4] >= (this.#schemas.get(id)?.[4] ?? Number.NEGATIVE_INFINITY)) this.#schemas.set(id, saved)
      }
    for (const saved of own?.schemas ?? [])
      this.#schemas.set(idOf({ connector: saved[0], database: saved[1], table: saved[2] }), saved)
  }
}

function idOf({ connector, database, table }: Source): string {
  return `${connector}\0${database}\0${table}`
}

function sameTable(a: Source, b: Source): boolean {
  return a.table === b.table && a.database === b.database && a.connector === b.connector
}
