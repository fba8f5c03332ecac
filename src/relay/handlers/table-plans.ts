// TablePlans: what is made of each table that changes come of, by the columns told last.
//
// Owns: what was made, by table. Does not own: the columns over a restart (ColumnMemory).
//
// I1. Rows of a snapshot have the columns that were told at their own place in it, others those told last: with several readers
//     rows from before and after an ALTER TABLE come mixed.
// I2. Behind the first columns that the log tells no row of the snapshot comes under others.

import type { ChangeSource, TableSchema } from '../../record/change.ts'

interface Known<Plan> {
  current: Plan
  readonly views: Map<string, Plan>
}

/** Places of a table's snapshot that are remembered: more than there are readers. */
const VIEWS_MAX = 256

export class TablePlans<Plan> {
  readonly #make: (source: ChangeSource, schema: TableSchema | undefined) => Plan
  readonly #known = new Map<string, Known<Plan>>()
  #lastSource: ChangeSource | undefined
  #last: Plan | undefined

  constructor(make: (source: ChangeSource, schema: TableSchema | undefined) => Plan) {
    this.#make = make
  }

  /** What was made of the table that a change is of; without its columns, if they were not told. */
  of(source: ChangeSource): Plan {
    if (source === this.#lastSource) return this.#last as Plan
    const known = this.#find(source)
    const plan = (source.snapshot ? known.views.get(source.position) : undefined) ?? known.current
    this.#lastSource = source
    this.#last = plan
    return plan
  }

  /** Takes in the columns of a record of op `s`, and gives what is made of them. */
  told(source: ChangeSource, schema: TableSchema): Plan {
    this.#lastSource = undefined
    const plan = this.#make(source, schema)
    const id = idOf(source)
    const known = this.#known.get(id) ?? { current: plan, views: new Map<string, Plan>() }
    this.#known.set(id, known)
    known.current = plan
    if (!source.snapshot) known.views.clear()
    else setView(known.views, source.position, plan)
    return plan
  }

  #find(source: ChangeSource): Known<Plan> {
    const id = idOf(source)
    const known = this.#known.get(id)
    if (known !== undefined) return known
    const made = { current: this.#make(source, undefined), views: new Map<string, Plan>() }
    this.#known.set(id, made)
    return made
  }
}

/** The latest last, the oldest gone when there are too many. */
export function setView<T>(views: Map<string, T>, position: string, view: T): void {
  views.delete(position)
  views.set(position, view)
  const [oldest] = views.keys()
  if (views.size > VIEWS_MAX && oldest !== undefined) views.delete(oldest)
}

/** Of a table, in a map. */
export function idOf({ connector, database, table }: Pick<ChangeSource, 'connector' | 'database' | 'table'>): string {
  return `${connector}\0${database}\0${table}`
}
