import type { AggregateFunction, RetractableAggregateFunction } from '../../contract/state.ts'
import { retracting } from '../aggregates/retracting.ts'
import { type Cell, KeyedTable } from './keyed-table.ts'
import { type ChangeCollector, type ChangelogMode, emitUpdate, notThere } from './row-changes.ts'
import type { RowKey } from './row-key.ts'

/** What is kept of a group. */
interface Group {
  /** How many rows it has: with the last of them it goes. */
  rows: number
  accumulator: unknown
  /** As its rows say it. */
  readonly key: RowKey
}

/** What a grouped aggregation is made of. */
export interface GroupAggregation<K extends RowKey, T, Result, Row> {
  readonly mode: ChangelogMode
  readonly key: (row: T) => K
  readonly fn: AggregateFunction<T, unknown, Result>
  readonly row: (key: K, result: Result) => Row
}

/** One row for each group that has rows, with what an aggregate function says of them; the same row again is no change. */
export class GroupAggregateOperator<K extends RowKey, T, Result, Row> extends KeyedTable<T, Group, Row> {
  readonly #key: (row: T) => K
  readonly #row: (key: K, result: Result) => Row
  readonly #fn: AggregateFunction<T, unknown, Result>
  readonly #retract: RetractableAggregateFunction<T, unknown, Result> | undefined

  constructor(node: string, { mode, key, fn, row }: GroupAggregation<K, T, Result, Row>) {
    super(node, mode)
    this.#key = key
    this.#row = row
    this.#retract = mode === 'retract' ? retracting(node, fn) : undefined
    this.#fn = this.#retract ?? fn
  }

  protected override view(group: Group | undefined): Row | undefined {
    return group === undefined ? undefined : this.#row(group.key as K, this.#fn.result(group.accumulator))
  }

  protected override change(cell: Cell<Group, Row>, row: T, away: boolean): void {
    this.touch(cell)
    let group = cell.state
    if (away) {
      if (group === undefined || this.#retract === undefined) throw notThere(this.node, row)
      group.rows -= 1
      if (group.rows === 0) cell.state = undefined
      else group.accumulator = this.#retract.retract(row, group.accumulator)
      return
    }
    if (group === undefined) {
      group = { rows: 0, accumulator: this.#fn.create(), key: this.#key(row) }
      cell.state = group
    }
    group.rows += 1
    group.accumulator = this.#fn.add(row, group.accumulator)
  }

  protected override emit(before: Row | undefined, after: Row | undefined, out: ChangeCollector): void {
    emitUpdate(before, after, out)
  }
}
