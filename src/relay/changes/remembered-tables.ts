// RememberedTables: changes that come over a relay, so that a sink knows the columns of a table before its rows, after a restore too.
//
// Owns: the columns of each table, as told last. Does not own: what a sink makes of them.
//
// I1. Before the first change of a table since it was opened go its columns, if they were ever told. Telling them again changes nothing.
// I2. For one subtask: the changes of a table come in order.

import { type Collector, type ProcessContext, ProcessFunction } from '../../contract/process-function.ts'
import type { Change } from '../../record/change.ts'

/** A change source tells columns at its start and when they change. A relay's source goes on behind that, so they are kept here. */
export class RememberedTables<Row> extends ProcessFunction<Change<Row>, Change<Row>> {
  readonly #columns = new Map<string, Change<Row>>()
  readonly #told = new Set<string>()

  override snapshotState(): Change<Row>[] {
    return [...this.#columns.values()]
  }

  override restoreState(states: readonly unknown[]): void {
    for (const change of (states as Change<Row>[][]).flat()) this.#columns.set(nameOf(change), change)
  }

  override process(change: Change<Row>, _context: ProcessContext, out: Collector<Change<Row>>): void {
    const name = nameOf(change)
    if (change.op === 's') {
      this.#columns.set(name, change)
      this.#told.add(name)
    } else if (!this.#told.has(name)) {
      this.#told.add(name)
      const columns = this.#columns.get(name)
      if (columns !== undefined) out.emit(columns)
    }
    out.emit(change)
  }
}

function nameOf({ source: { database, table } }: Change<unknown>): string {
  return `${database}\0${table}`
}
