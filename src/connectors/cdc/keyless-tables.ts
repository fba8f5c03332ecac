import { type Collector, type ProcessContext, ProcessFunction, sideOutput } from '../../contract/process-function.ts'
import type { Change } from '../../record/change.ts'

/** Changes of tables without a key: writing one of them twice would not leave the same rows, so they need another sink. */
export const withoutKey = sideOutput<Change<never>>('without-key')

/**
 * Tells tables without a key from the others. A table that gets a key later stays with them: its earlier changes are written with the
 * next checkpoint, so later ones must not be written before.
 */
export class KeylessTables<Row> extends ProcessFunction<Change<Row>, Change<Row>> {
  readonly #keyless = new Set<string>()

  override snapshotState(): string[] {
    return [...this.#keyless]
  }

  override restoreState(states: readonly unknown[]): void {
    for (const table of (states as string[][]).flat()) this.#keyless.add(table)
  }

  override process(change: Change<Row>, _context: ProcessContext, out: Collector<Change<Row>>): void {
    const { database, table } = change.source
    const name = `${database}.${table}`
    // One that is gone has no columns either.
    if (change.schema?.key.length === 0 && change.schema.columns.length > 0) this.#keyless.add(name)
    if (this.#keyless.has(name)) out.side(withoutKey, change as Change<never>)
    else out.emit(change)
  }
}
