// KeyedTable: the base of operators that keep something of the rows of each key, and say how the table they make of it changes.
//
// Owns: the state of each key; which keys the present batch has touched. Does not own: what is kept and shown (its subclasses).
//
// I1. Within a batch the rows of a key are taken in their order, and one change of what is shown comes out at its end: what was shown
//     at its beginning is taken back, what is shown now is put out. A table is the same for any cut into batches; there are
//     fewer changes on the way.
// I2. What the subclass shows is a value of its own: later changes of the state do not change it.
// I3. In batch mode nothing comes out before endOfKey, and then what is there.

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../../contract/operator.ts'
import type { StateDescriptor, ValueState } from '../../contract/state.ts'
import type { Batch } from '../../record/batch.ts'
import { type RowChange, takesAway } from '../../record/row-change.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError, userErrorIn } from '../../util/user-error.ts'
import { BatchCollector } from '../collector.ts'
import type { ChangeCollector, ChangelogMode } from './row-changes.ts'

/** The state of one key while a batch changes it. */
export class Cell<S, V> {
  readonly key: Key
  state: S | undefined
  /** What was shown before the batch; set when the first change begins. */
  shown: V | undefined = undefined
  changed = false

  constructor(key: Key, state: S | undefined) {
    this.key = key
    this.state = state
  }
}

/** The one state of such operators. */
export const TABLE_STATE: StateDescriptor = { name: 'rows', kind: 'value', options: {} }

/** See the head of this file. T: rows that come in, S: what is kept of a key, V: what is shown of it (undefined: nothing). */
export abstract class KeyedTable<T, S, V> implements Operator {
  protected readonly node: string
  protected keyed!: KeyedContext
  protected batchMode = false
  readonly #mode: ChangelogMode
  readonly #collector: BatchCollector<unknown>
  readonly #cells = new Map<Key, Cell<S, V>>()
  #state!: ValueState<S>

  constructor(node: string, mode: ChangelogMode) {
    this.node = node
    this.#mode = mode
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    this.keyed = present(context.keyed, `keyed context of node "${this.node}"`)
    this.#state = this.keyed.register(TABLE_STATE) as ValueState<unknown> as ValueState<S>
    this.batchMode = context.mode === 'batch'
  }

  process(batch: Batch, out: Output): void {
    this.#take(batch)
    this.#collector.begin(out)
    for (const cell of this.#cells.values()) if (cell.changed) this.#keep(cell)
    this.#cells.clear()
    this.#collector.end()
  }

  endOfKey(key: Key, out: Output): void {
    this.keyed.setCurrentKey(key)
    const state = this.#state.get()
    if (state === undefined) return
    this.#collector.begin(out)
    this.#emit(key, undefined, this.view(state))
    this.#collector.end()
    this.#state.clear()
  }

  /** For timers, whose key is current. */
  protected withState(out: Output, work: (state: S | undefined, collector: ChangeCollector) => void): void {
    this.#collector.begin(out)
    work(this.#state.get(), this.#collector)
    this.#collector.end()
  }

  /** What the state shows; undefined for nothing. */
  protected abstract view(state: S | undefined): V | undefined
  /** Changes cell.state by a row, after touch(); leaves it be if nothing changes. An empty state is undefined. */
  protected abstract change(cell: Cell<S, V>, row: T, away: boolean): void
  /** Says how what is shown has changed. The current key is the cell's. */
  protected abstract emit(before: V | undefined, after: V | undefined, out: ChangeCollector): void

  /** To be called before a cell's state is changed. */
  protected touch(cell: Cell<S, V>): void {
    if (cell.changed) return
    cell.changed = true
    if (!this.batchMode) cell.shown = this.view(cell.state)
  }

  #take({ values, keys }: Batch): void {
    const retracts = this.#mode === 'retract'
    const cells = this.#cells
    const keysThere = present(keys, `keys of a batch for node "${this.node}"`)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keysThere[i] as Key
        let cell = cells.get(key)
        if (cell === undefined) {
          this.keyed.setCurrentKey(key)
          cell = new Cell<S, V>(key, this.#state.get())
          cells.set(key, cell)
        }
        if (retracts) {
          const { kind, row } = values[i] as RowChange<T>
          this.change(cell, row, takesAway(kind))
        } else this.change(cell, values[i] as T, false)
      }
    } catch (error) {
      throw userError(this.node, values[i], error)
    }
  }

  #keep(cell: Cell<S, V>): void {
    this.keyed.setCurrentKey(cell.key)
    if (cell.state === undefined) this.#state.clear()
    else this.#state.set(cell.state)
    if (!this.batchMode) this.#emit(cell.key, cell.shown, this.#viewOf(cell))
  }

  #viewOf(cell: Cell<S, V>): V | undefined {
    try {
      return this.view(cell.state)
    } catch (error) {
      throw userErrorIn(this.node, `key ${String(cell.key)}`, error)
    }
  }

  #emit(key: Key, before: V | undefined, after: V | undefined): void {
    try {
      this.emit(before, after, this.#collector)
    } catch (error) {
      throw userErrorIn(this.node, `key ${String(key)}`, error)
    }
  }
}
