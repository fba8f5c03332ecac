// Tables by key, as upserts or as they are in the end.
//
// Rows of one key may come down several paths, so that a new row may be here before the old one is taken away. Therefore all rows of
// a key that are there are kept, and the one that came last stands for the key.

import type { Output } from '../../contract/operator.ts'
import type { Change, ChangeSource } from '../../record/change.ts'
import { MAX_WATERMARK } from '../../record/element.ts'
import { sameValue } from '../../util/same-value.ts'
import { type CountedRow, changeCount } from './distinct.ts'
import { type Cell, KeyedTable } from './keyed-table.ts'
import { type ChangeCollector, type ChangelogMode, notThere } from './row-changes.ts'

abstract class LiveRows<T> extends KeyedTable<T, T[], T> {
  readonly #keepsAll: boolean

  /** Of a table that only grows, no earlier row ever counts again. */
  constructor(node: string, mode: ChangelogMode) {
    super(node, mode)
    this.#keepsAll = mode === 'retract'
  }

  protected override view(rows: T[] | undefined): T | undefined {
    return rows?.at(-1)
  }

  protected override change(cell: Cell<T[], T>, row: T, away: boolean): void {
    this.touch(cell)
    if (!away) {
      if (this.#keepsAll && cell.state !== undefined) cell.state.push(row)
      else cell.state = [row]
      return
    }
    const at = cell.state?.findLastIndex((one) => sameValue(one, row)) ?? -1
    if (cell.state === undefined || at < 0) throw notThere(this.node, row)
    cell.state.splice(at, 1)
    if (cell.state.length === 0) cell.state = undefined
  }
}

/** The row of each key as changes with the row before: what sinks for tables take. */
export class UpsertsOperator<T> extends LiveRows<T> {
  readonly #key: (row: T) => readonly unknown[]
  readonly #source: ChangeSource

  constructor(node: string, mode: ChangelogMode, key: (row: T) => readonly unknown[]) {
    super(node, mode)
    this.#key = key
    this.#source = { connector: 'changelog', database: '', table: node, position: '', timestampMs: 0, snapshot: false }
  }

  protected override emit(before: T | undefined, after: T | undefined, out: ChangeCollector): void {
    if (before !== undefined && after !== undefined && sameValue(before, after)) return
    const row = after ?? before
    if (row === undefined) return
    const change: Change<T> = {
      op: before === undefined ? 'c' : after === undefined ? 'd' : 'u',
      before: before ?? null,
      after: after ?? null,
      key: this.#key(row),
      source: this.#source,
    }
    out.emit(change)
  }
}

/** The row of each key when the input has ended. */
export class FinalRowsOperator<T> extends LiveRows<T> {
  protected override emit(_before: T | undefined, after: T | undefined, out: ChangeCollector): void {
    if (!this.batchMode) this.keyed.timers.registerEventTimeTimer(MAX_WATERMARK)
    else if (after !== undefined) out.emit(after)
  }

  onTimer(_timestamp: number, _domain: string, _key: unknown, out: Output): void {
    this.withState(out, (rows, collector) => {
      const last = rows?.at(-1)
      if (last !== undefined) collector.emit(last)
    })
  }
}

/** Every row when the input has ended, as often as it is there. Keyed by the row itself. */
export class FinalBagOperator<T> extends KeyedTable<T, CountedRow<T>, CountedRow<T>> {
  constructor(node: string) {
    super(node, 'retract')
  }

  protected override view(counted: CountedRow<T> | undefined): CountedRow<T> | undefined {
    return counted
  }

  protected override change(cell: Cell<CountedRow<T>, CountedRow<T>>, row: T, away: boolean): void {
    this.touch(cell)
    changeCount(this.node, cell, row, away)
  }

  protected override emit(_before: unknown, after: CountedRow<T> | undefined, out: ChangeCollector): void {
    if (!this.batchMode) this.keyed.timers.registerEventTimeTimer(MAX_WATERMARK)
    else emitAll(after, out)
  }

  onTimer(_timestamp: number, _domain: string, _key: unknown, out: Output): void {
    this.withState(out, emitAll)
  }
}

function emitAll<T>(counted: CountedRow<T> | undefined, out: ChangeCollector): void {
  for (let left = counted?.count ?? 0; left > 0; left -= 1) out.emit(counted?.row)
}
