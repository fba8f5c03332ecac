// JoinOperator: two changelogs, joined for good: each change of a side changes what the rows of the other side make with it.
//
// Owns: the two sides' state. Does not own: how rows are kept (join-side.ts).
//
// I1. What has come out is, after each row that came in, the join of what has come in.
// I2. Where a side is outer, each of its rows knows how many partners it has: with the first its lonely row is taken back, with the
//     last it returns.
// I3. What can change nothing any more is not kept: rows that met the one row their key will ever have.

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../../contract/operator.ts'
import type { Batch } from '../../record/batch.ts'
import { type RowChange, takesAway } from '../../record/row-change.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError, userErrorIn } from '../../util/user-error.ts'
import { BatchCollector } from '../collector.ts'
import { type JoinSide, openSide, type SideSpec } from './join-side.ts'
import { rowChange } from './row-changes.ts'
import { isNullKey } from './row-key.ts'

/** What a join is made of. */
export interface JoinSpec<L, R, Row> {
  readonly left: SideSpec
  readonly right: SideSpec
  /** What must hold beside equal keys. */
  readonly on: ((left: L, right: R) => boolean) | undefined
  readonly row: (left: L | undefined, right: R | undefined) => Row
}

/** Rows that only come and never lack a partner make rows that only come. */
export function joinGrows({ left, right }: JoinSpec<never, never, unknown>): boolean {
  return [left, right].every(({ mode, outer }) => mode === 'append' && !outer)
}

/** See the head of this file. */
export class JoinOperator<L, R, Row> implements Operator {
  readonly #node: string
  readonly #spec: JoinSpec<L, R, Row>
  readonly #grows: boolean
  readonly #collector: BatchCollector<unknown>
  #keyed!: KeyedContext
  #left!: JoinSide<L>
  #right!: JoinSide<R>
  /** In batch mode what may yet be taken back is not put out: the join of a key comes at its end. */
  #waits = false

  constructor(node: string, spec: JoinSpec<L, R, Row>) {
    this.#node = node
    this.#spec = spec
    this.#grows = joinGrows(spec as JoinSpec<never, never, unknown>)
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#left = openSide(this.#node, 'left', this.#spec.left, this.#keyed)
    this.#right = openSide(this.#node, 'right', this.#spec.right, this.#keyed)
    this.#waits = context.mode === 'batch' && !this.#grows
  }

  process({ values, keys }: Batch, out: Output, input: number): void {
    const keysThere = present(keys, `keys of a batch for node "${this.#node}"`)
    const isLeft = input === 0
    const retracts = (isLeft ? this.#spec.left : this.#spec.right).mode === 'retract'
    this.#collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keysThere[i] as Key
        this.#keyed.setCurrentKey(key)
        const value = values[i]
        const row = retracts ? (value as RowChange<unknown>).row : value
        const away = retracts && takesAway((value as RowChange<unknown>).kind)
        // Rows that can have no partner wait only where they may be taken back.
        if (isNullKey(key) && !(this.#waits && retracts)) this.#alone(isLeft, row, away)
        else if (isLeft) this.#change(this.#left, this.#right, row as L, away, true)
        else this.#change(this.#right, this.#left, row as R, away, false)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#collector.end()
  }

  endOfKey(key: Key, out: Output): void {
    this.#keyed.setCurrentKey(key)
    this.#collector.begin(out)
    try {
      if (this.#waits) this.#emitWhole(!isNullKey(key))
    } catch (error) {
      throw userErrorIn(this.#node, `key ${String(key)}`, error)
    }
    this.#collector.end()
    this.#left.clear()
    this.#right.clear()
  }

  /** A row that can have no partner: it comes in only if its side is outer, and needs no state. */
  #alone(isLeft: boolean, row: unknown, away: boolean): void {
    this.#put(away, isLeft ? (row as L) : undefined, isLeft ? undefined : (row as R), 1)
  }

  #change<A, B>(mine: JoinSide<A>, other: JoinSide<B>, row: A, away: boolean, isLeft: boolean): void {
    const settled = other.settled && !this.#waits
    const partners = this.#meet(other, row, away, isLeft)
    if (!this.#waits && mine.outer && partners === 0) this.#pair(away, row, undefined, isLeft, 1)
    if (settled) return
    if (away) mine.remove(row)
    else mine.add(row, partners)
    if (mine.settled && !this.#waits) other.clear()
  }

  /** Makes or takes back the row's pairs with the other side, and says how many they are. */
  #meet<A, B>(other: JoinSide<B>, row: A, away: boolean, isLeft: boolean): number {
    let partners = 0
    if (this.#waits) return partners
    for (const [name, kept] of other.rows()) {
      if (!this.#matches(row, kept.row, isLeft)) continue
      partners += kept.count
      if (!other.outer) {
        this.#pair(away, row, kept.row, isLeft, kept.count)
        continue
      }
      if (!away && kept.partners === 0) this.#pair(true, undefined, kept.row, isLeft, kept.count)
      this.#pair(away, row, kept.row, isLeft, kept.count)
      kept.partners += away ? -1 : 1
      if (away && kept.partners === 0) this.#pair(false, undefined, kept.row, isLeft, kept.count)
      other.changed(name, kept)
    }
    return partners
  }

  #matches(mine: unknown, other: unknown, isLeft: boolean): boolean {
    const { on } = this.#spec
    if (on === undefined) return true
    return isLeft ? on(mine as L, other as R) : on(other as L, mine as R)
  }

  #pair(away: boolean, mine: unknown, other: unknown, isLeft: boolean, times: number): void {
    if (isLeft) this.#put(away, mine as L | undefined, other as R | undefined, times)
    else this.#put(away, other as L | undefined, mine as R | undefined, times)
  }

  #put(away: boolean, left: L | undefined, right: R | undefined, times: number): void {
    const row = this.#spec.row(left, right)
    for (let n = 0; n < times; n += 1) {
      if (this.#grows) this.#collector.emit(row)
      else this.#collector.emit(rowChange(away ? '-D' : '+I', row))
    }
  }

  #emitWhole(matching: boolean): void {
    const lonely = new Set(this.#right.rows())
    const rights = [...lonely]
    for (const [, left] of this.#left.rows()) {
      let partners = 0
      for (const entry of rights) {
        if (!matching || !this.#matches(left.row, entry[1].row, true)) continue
        partners += 1
        lonely.delete(entry)
        this.#put(false, left.row, entry[1].row, left.count * entry[1].count)
      }
      if (partners === 0 && this.#left.outer) this.#put(false, left.row, undefined, left.count)
    }
    if (this.#right.outer) for (const [, right] of lonely) this.#put(false, undefined, right.row, right.count)
  }
}
