import { type Cell, KeyedTable } from './keyed-table.ts'
import { type ChangeCollector, emitUpdate, notThere } from './row-changes.ts'

/** A row, and how often it is there. */
export interface CountedRow<T> {
  row: T
  count: number
}

/** Changes a count that begins at none. */
export function changeCount<T>(node: string, cell: Cell<CountedRow<T>, unknown>, row: T, away: boolean): void {
  if (away) {
    if (cell.state === undefined) throw notThere(node, row)
    cell.state.count -= 1
    if (cell.state.count === 0) cell.state = undefined
  } else if (cell.state === undefined) cell.state = { row, count: 1 }
  else cell.state.count += 1
}

/** Each row once, as long as it is there at least once. Keyed by the row itself. */
export class DistinctOperator<T> extends KeyedTable<T, CountedRow<T>, T> {
  constructor(node: string) {
    super(node, 'retract')
  }

  protected override view(counted: CountedRow<T> | undefined): T | undefined {
    return counted?.row
  }

  protected override change(cell: Cell<CountedRow<T>, T>, row: T, away: boolean): void {
    this.touch(cell)
    changeCount(this.node, cell, row, away)
  }

  protected override emit(before: T | undefined, after: T | undefined, out: ChangeCollector): void {
    emitUpdate(before, after, out)
  }
}
