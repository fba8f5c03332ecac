// EnvelopeFunction: what all envelopes share. A function of one record, but for the columns of the tables, which it keeps.

import { type Collector, type ProcessContext, ProcessFunction } from '../../../contract/process-function.ts'
import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import type { Change, ChangeSource, TableSchema } from '../../../record/change.ts'
import { present } from '../../../util/assert.ts'
import type { Clock } from '../../../util/clock.ts'
import type { EnvelopeRecord } from './envelope-record.ts'
import { type SavedTables, Tables } from './tables.ts'

/** What a checkpoint holds of one subtask; `more` is the kind's own. */
interface Saved {
  readonly tables: SavedTables | undefined
  readonly more: unknown
}

/** Which table a thing is made for, and the columns, where they were told. */
export interface TableOf {
  readonly source: Pick<ChangeSource, 'connector' | 'database' | 'table'>
  readonly schema: TableSchema | undefined
}

/** Turns changes into messages. `T` is what a kind of envelope makes of each table. */
export abstract class EnvelopeFunction<T> extends ProcessFunction<Change<unknown>, EnvelopeRecord> {
  readonly #tables = new Tables<T>((source, schema) => this.makeTable({ source, schema }))
  #clock: Clock | undefined
  #subtask = 0
  #restored: readonly Saved[] = []

  override restoreState(states: readonly unknown[]): void {
    this.#restored = states as readonly Saved[]
  }

  override open({ clock, subtask }: RuntimeContext): void {
    this.#clock = clock
    this.#subtask = subtask
    const saved = this.#restored
    this.#restored = []
    const tables = saved.flatMap((state) => state.tables ?? [])
    this.#tables.restore(tables, subtask)
    this.restoreMore(saved.map(({ more }) => more).filter((more) => more !== undefined && more !== null))
  }

  override snapshotState(): unknown {
    const saved: Saved = { tables: this.#tables.snapshot(this.#subtask), more: this.snapshotMore() }
    return saved.tables === undefined && saved.more === undefined ? undefined : saved
  }

  override process(change: Change<unknown>, _context: ProcessContext, out: Collector<EnvelopeRecord>): void {
    if (change.op === 's') this.schemaChange(change, this.#tables.told(change), out)
    else this.change(change, this.#tables.of(change.source), out)
  }

  /** Now, in ms since the epoch. */
  protected now(): number {
    return present(this.#clock, 'clock of an open envelope').now()
  }

  protected abstract makeTable(table: TableOf): T
  protected abstract change(change: Change<unknown>, table: T, out: Collector<EnvelopeRecord>): void
  protected abstract schemaChange(change: Change<unknown>, table: T, out: Collector<EnvelopeRecord>): void

  /** Further state of the kind; undefined: none. */
  protected snapshotMore(): unknown {
    return undefined
  }

  protected restoreMore(_states: readonly unknown[]): void {}
}

/** For errors and topics: `database.table`. */
export function nameOf({ database, table }: Pick<ChangeSource, 'database' | 'table'>): string {
  return `${database}.${table}`
}

/** The same with nothing that a topic's name may not hold. */
export function topicOf(...parts: readonly string[]): string {
  return parts.join('.').replace(/[^A-Za-z0-9._-]/g, '_')
}
