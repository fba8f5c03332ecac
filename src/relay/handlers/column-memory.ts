// ColumnMemory: the columns of tables over a restart.
//
// Owns: what records of op `s` said, as long as rows may come under it.
//
// I1. What restore() gives, taken in again in its order, leaves the same as what was told: see TablePlans.
// I2. A subtask goes on with the columns it had itself; of a table that it did not have, with those told last to any other.

import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'
import { sameValue } from '../../util/same-value.ts'
import { idOf, setView } from './table-plans.ts'

interface Told {
  readonly source: Pick<ChangeSource, 'connector' | 'database' | 'table' | 'timestampMs'>
  schema: TableSchema
  /** By place of the snapshot; empty behind it. */
  readonly views: Map<string, TableSchema>
}

/** [connector, database, table, time, schemas, views: [place, number of its schema], number of the current one] */
type SavedTable = readonly [
  connector: string,
  database: string,
  table: string,
  timestampMs: number,
  schemas: readonly TableSchema[],
  views: readonly (readonly [position: string, schema: number])[],
  current: number,
]

interface Saved {
  readonly subtask: number
  readonly tables: readonly SavedTable[]
}

export class ColumnMemory {
  readonly #tables = new Map<string, Told>()

  /** Takes in a record of op `s`. */
  told(source: ChangeSource, given: TableSchema): void {
    // Making the table anew is not asked of what is remembered.
    const { definition: _, ...schema } = given
    const id = idOf(source)
    const known = this.#tables.get(id)
    const kept = known !== undefined && sameValue(known.schema, schema) ? known.schema : schema
    const table = { source, schema: kept, views: known?.views ?? new Map<string, TableSchema>() }
    this.#tables.set(id, table)
    if (source.snapshot) setView(table.views, source.position, kept)
    else table.views.clear()
  }

  /** undefined while nothing was told. */
  snapshot(subtask: number): unknown {
    if (this.#tables.size === 0) return undefined
    return { subtask, tables: [...this.#tables.values()].map(savedTable) } satisfies Saved
  }

  /** The records of op `s` that were told to former subtasks, for one of them. */
  restore(states: readonly unknown[], subtask: number): readonly Change<unknown>[] {
    const saved = states as readonly Saved[]
    const tables = new Map<string, SavedTable>()
    const others = saved.filter((state) => state.subtask !== subtask).flatMap((state) => state.tables)
    for (const table of others.sort((a, b) => a[3] - b[3])) tables.set(idOf(sourceOf(table)), table)
    for (const state of saved)
      if (state.subtask === subtask) for (const table of state.tables) tables.set(idOf(sourceOf(table)), table)
    return [...tables.values()].flatMap(recordsOf)
  }
}

function savedTable({ source, schema, views }: Told): SavedTable {
  const schemas = [...new Set([...views.values(), schema])]
  const numbers = [...views].map(([position, view]): [string, number] => [position, schemas.indexOf(view)])
  const { connector, database, table, timestampMs } = source
  return [connector, database, table, timestampMs, schemas, numbers, schemas.indexOf(schema)]
}

function sourceOf([connector, database, table, timestampMs]: SavedTable): ChangeSource {
  return { connector, database, table, position: '', timestampMs, snapshot: false }
}

function recordsOf(table: SavedTable): readonly Change<unknown>[] {
  const [, , , , schemas, views, current] = table
  const source = sourceOf(table)
  const record = (number: number, place: ChangeSource): Change<unknown> => {
    return { op: 's', before: null, after: null, key: [], schema: schemas[number] as TableSchema, source: place }
  }
  if (views.length === 0) return [record(current, source)]
  return views.map(([position, number]) => record(number, { ...source, position, snapshot: true }))
}
