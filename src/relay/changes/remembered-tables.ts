// RememberedTables: changes that come over a relay, so that a sink knows the columns of a table before its rows, after a restore too.
//
// Owns: what records of op `s` said, as long as rows may come under it. Does not own: what a sink makes of it.
//
// I1. Before the first change of a table since it was opened go its columns, as they were told, if they ever were. Telling them again
//     changes nothing.
// I2. While a table is read in full, its columns are those of each place of the snapshot: rows of several places come mixed, and the table
//     may have been altered between. Columns that the log tells are behind all of them.
// I3. For one subtask: the changes of a table come in order.

import { type Collector, type ProcessContext, ProcessFunction } from '../../contract/process-function.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'
import { sameValue } from '../../util/same-value.ts'
import { idOf, setView } from '../handlers/table-plans.ts'

/** Columns, and where they were told. */
interface Told {
  readonly source: ChangeSource
  readonly schema: TableSchema
}

/** Of one table: by place of the snapshot, in the order in which they were told; or those of the log, under ''. */
type Places = Map<string, Told>

/** Each different schema once; its number with each place. */
interface Saved {
  readonly schemas: readonly TableSchema[]
  readonly told: readonly (readonly [source: ChangeSource, schema: number])[]
}

/** A change source tells columns at its start and when they change. A relay's source goes on behind that, so they are kept here. */
export class RememberedTables<Row> extends ProcessFunction<Change<Row>, Change<Row>> {
  readonly #tables = new Map<string, Places>()
  /** Tables whose columns went out since this was opened. */
  readonly #known = new Set<string>()
  /** Records since this was opened. */
  #seen = 0

  override snapshotState(): Saved[] {
    return [...this.#tables.values()].map((places) => {
      const schemas = [...new Set([...places.values()].map(({ schema }) => schema))]
      return { schemas, told: [...places.values()].map(({ source, schema }) => [source, schemas.indexOf(schema)]) }
    })
  }

  override restoreState(states: readonly unknown[]): void {
    for (const { schemas, told } of (states as Saved[][]).flat())
      for (const [source, schema] of told) this.#remember(source, schemas[schema] as TableSchema)
  }

  override process(change: Change<Row>, _context: ProcessContext, out: Collector<Change<Row>>): void {
    this.#seen += 1
    if (change?.source === undefined) throw this.#noChange()
    const { op, schema, source } = change
    const table = idOf(source)
    if (!this.#known.has(table)) {
      this.#known.add(table)
      for (const told of this.#tables.get(table)?.values() ?? []) out.emit(columnsOf(told))
    }
    if (op === 's' && schema !== undefined) this.#remember(source, schema)
    out.emit(change)
  }

  /** Said without the record: it may hold what nobody should read in a log. */
  #noChange(): MillraceError {
    const reason =
      'is no change of a table: the end that sends is of another kind (files, topics). Make both of one kind, then empty the queue of this end and start the sender with --fresh'
    return new MillraceError('RECORD_MALFORMED', { file: 'records of the relay', line: this.#seen, reason })
  }

  #remember(source: ChangeSource, schema: TableSchema): void {
    const table = idOf(source)
    const places: Places = this.#tables.get(table) ?? new Map()
    this.#tables.set(table, places)
    const last = [...places.values()].at(-1)?.schema
    const kept = last !== undefined && sameValue(last, schema) ? last : schema
    if (source.snapshot) places.delete(BEHIND_SNAPSHOT)
    else places.clear()
    setView(places, source.snapshot ? source.position : BEHIND_SNAPSHOT, { source, schema: kept })
  }
}

const BEHIND_SNAPSHOT = ''

function columnsOf({ source, schema }: Told): Change<never> {
  return { op: 's', before: null, after: null, key: [], schema, source }
}
