import { type Cell, KeyedTable } from './keyed-table.ts'
import { type ChangeCollector, emitUpdate } from './row-changes.ts'

/** Keeps one row of each key of a table that only grows: the first, until another one `wins` over it. */
export class TopOneOperator<T> extends KeyedTable<T, T, T> {
  readonly #wins: (row: T, kept: T) => boolean

  constructor(node: string, wins: (row: T, kept: T) => boolean) {
    super(node, 'append')
    this.#wins = wins
  }

  protected override view(kept: T | undefined): T | undefined {
    return kept
  }

  protected override change(cell: Cell<T, T>, row: T): void {
    const kept = cell.state
    if (kept !== undefined && !this.#wins(row, kept)) return
    this.touch(cell)
    cell.state = row
  }

  protected override emit(before: T | undefined, after: T | undefined, out: ChangeCollector): void {
    emitUpdate(before, after, out)
  }
}

/** Keeps the first row of each key of a table that only grows; so does what comes out, which is the rows themselves. */
export class FirstRowOperator<T> extends KeyedTable<T, T, T> {
  constructor(node: string) {
    super(node, 'append')
  }

  protected override view(kept: T | undefined): T | undefined {
    return kept
  }

  protected override change(cell: Cell<T, T>, row: T): void {
    if (cell.state !== undefined) return
    this.touch(cell)
    cell.state = row
  }

  protected override emit(_before: T | undefined, after: T | undefined, out: ChangeCollector): void {
    if (after !== undefined) out.emit(after)
  }
}
