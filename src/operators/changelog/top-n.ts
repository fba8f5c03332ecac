// The first N rows of each key in an order. Of equal ones the earlier in the stream comes first, or the later where that is asked for.

import { sameValue } from '../../util/same-value.ts'
import { type Cell, KeyedTable } from './keyed-table.ts'
import { type ChangeCollector, type ChangelogMode, emitUpdate, notThere, rowChange } from './row-changes.ts'

/** Negative if `a` comes before `b`, positive if behind it, 0 if their order is that of the stream. */
export type RowOrder<T> = (a: T, b: T) => number

/** What a top-N is made of. */
export interface TopNSpec<T, Row> {
  readonly n: number
  readonly order: RowOrder<T>
  /** Of rows that are equal in order the one that came last comes first. */
  readonly latestFirst?: boolean
  /** Makes the row that comes out, with its rank from 1; absent: rows come out as they are. */
  readonly rank?: ((row: T, rank: number) => Row) | undefined
}

abstract class Ranking<T, Row> extends KeyedTable<T, T[], readonly T[]> {
  protected readonly spec: TopNSpec<T, Row>

  constructor(node: string, mode: ChangelogMode, spec: TopNSpec<T, Row>) {
    super(node, mode)
    this.spec = spec
  }

  protected override emit(before: readonly T[] = [], after: readonly T[] = [], out: ChangeCollector): void {
    const { rank, n } = this.spec
    if (rank !== undefined) emitRanked(before, after, rank, out)
    else if (n === 1) emitUpdate(before[0], after[0], out)
    else emitUnranked(before, after, out)
  }

  /** Where a row that comes now belongs. Looks from the end: most rows belong there. */
  protected placeOf(rows: readonly T[], row: T): number {
    const { order, latestFirst } = this.spec
    const tie = latestFirst === true ? 0 : 1
    let from = 0
    let to = rows.length
    while (from < to) {
      const middle = (from + to) >>> 1
      const compared = order(row, rows[middle] as T)
      if (compared > 0 || (compared === 0 && tie === 1)) from = middle + 1
      else to = middle
    }
    return from
  }
}

/** Over a table that only grows: N rows of each key are enough. */
export class TopNOperator<T, Row> extends Ranking<T, Row> {
  constructor(node: string, spec: TopNSpec<T, Row>) {
    super(node, 'append', spec)
  }

  protected override view(rows: T[] | undefined): readonly T[] | undefined {
    return rows
  }

  protected override change(cell: Cell<T[], readonly T[]>, row: T): void {
    const { n, order, latestFirst } = this.spec
    const rows = cell.state ?? []
    if (rows.length === n) {
      const compared = order(row, rows[n - 1] as T)
      if (!(compared < 0 || (compared === 0 && latestFirst === true))) return
    }
    // What is shown is the list itself: the first change makes another one.
    const next = cell.changed ? rows : rows.slice()
    this.touch(cell)
    next.splice(this.placeOf(next, row), 0, row)
    if (next.length > n) next.pop()
    cell.state = next
  }
}

/** Over a table that also shrinks: all rows of each key are kept, for any may come to be among the first N. */
export class RetractingTopNOperator<T, Row> extends Ranking<T, Row> {
  constructor(node: string, spec: TopNSpec<T, Row>) {
    super(node, 'retract', spec)
  }

  protected override view(rows: T[] | undefined): readonly T[] | undefined {
    return rows?.slice(0, this.spec.n)
  }

  protected override change(cell: Cell<T[], readonly T[]>, row: T, away: boolean): void {
    this.touch(cell)
    const rows = cell.state ?? []
    if (!away) rows.splice(this.placeOf(rows, row), 0, row)
    else {
      const at = rows.findIndex((one) => sameValue(one, row))
      if (at < 0) throw notThere(this.node, row)
      rows.splice(at, 1)
    }
    cell.state = rows.length === 0 ? undefined : rows
  }
}

function emitRanked<T, Row>(
  before: readonly T[],
  after: readonly T[],
  rank: (row: T, rank: number) => Row,
  out: ChangeCollector,
): void {
  const length = Math.max(before.length, after.length)
  for (let i = 0; i < length; i += 1) {
    const was = before[i]
    const is = after[i]
    if (was === is) continue
    const rowWas = was === undefined ? undefined : rank(was, i + 1)
    emitUpdate(rowWas, is === undefined ? undefined : rank(is, i + 1), out)
  }
}

function emitUnranked<T>(before: readonly T[], after: readonly T[], out: ChangeCollector): void {
  const added = after.slice()
  for (const row of before) {
    let at = added.indexOf(row)
    if (at < 0) at = added.findIndex((one) => sameValue(one, row))
    if (at < 0) out.emit(rowChange('-D', row))
    else added.splice(at, 1)
  }
  for (const row of added) out.emit(rowChange('+I', row))
}
