// Functions over the rows of changes: what they make of a row is added and taken away as the row is.

import type { Operator, Output } from '../../contract/operator.ts'
import { type Batch, batchOf } from '../../record/batch.ts'
import { type RowChange, takesAway } from '../../record/row-change.ts'
import { userError } from '../../util/user-error.ts'
import { BatchCollector } from '../collector.ts'
import { rowChange } from './row-changes.ts'

/** One row out for each row in. */
export class MapChangesOperator<T, Out> implements Operator {
  readonly #node: string
  readonly #fn: (row: T) => Out

  constructor(node: string, fn: (row: T) => Out) {
    this.#node = node
    this.#fn = fn
  }

  process(batch: Batch, out: Output): void {
    const changes = batch.values as readonly RowChange<T>[]
    const mapped = new Array<RowChange<Out>>(changes.length)
    let i = 0
    try {
      for (; i < changes.length; i += 1) {
        const { kind, row } = changes[i] as RowChange<T>
        mapped[i] = rowChange(kind, this.#fn(row))
      }
    } catch (error) {
      throw userError(this.#node, changes[i], error)
    }
    out.batch(batchOf(mapped))
  }
}

/** Any number of rows out for each row in. An update becomes rows taken away and rows added. */
export class FlatMapChangesOperator<T, Out> implements Operator {
  readonly #node: string
  readonly #fn: (row: T) => Iterable<Out>
  readonly #collector: BatchCollector<RowChange<Out>>

  constructor(node: string, fn: (row: T) => Iterable<Out>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
  }

  process({ values }: Batch, out: Output): void {
    this.#collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const { kind, row } = values[i] as RowChange<T>
        const made = takesAway(kind) ? '-D' : '+I'
        for (const one of this.#fn(row)) this.#collector.emit(rowChange(made, one))
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#collector.end()
  }
}

/**
 * Rows for which a predicate holds. An update of which only one form passes becomes a row added or taken away; so a `-U` waits for the
 * `+U` beside it, at most until the epoch ends.
 */
export class FilterChangesOperator<T> implements Operator {
  readonly #node: string
  readonly #predicate: (row: T) => boolean
  readonly #collector: BatchCollector<RowChange<T>>
  /** The `-U` that came last, if nothing has come behind it. */
  #waiting: { readonly row: T; readonly passes: boolean } | undefined

  constructor(node: string, predicate: (row: T) => boolean) {
    this.#node = node
    this.#predicate = predicate
    this.#collector = new BatchCollector(node)
  }

  process({ values }: Batch, out: Output): void {
    this.#collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) this.#take(values[i] as RowChange<T>)
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#collector.end()
  }

  finishEpoch(_id: number, out: Output): void {
    this.#release(out)
  }

  endOfInput(out: Output): void {
    this.#release(out)
  }

  #take(change: RowChange<T>): void {
    const passes = this.#predicate(change.row)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (change.kind === '+U' && waiting?.passes === true) {
      this.#collector.emit(rowChange(passes ? '-U' : '-D', waiting.row))
      if (passes) this.#collector.emit(change)
      return
    }
    if (waiting?.passes === true) this.#collector.emit(rowChange('-D', waiting.row))
    if (change.kind === '-U') this.#waiting = { row: change.row, passes }
    else if (passes) this.#collector.emit(change.kind === '+U' ? rowChange('+I', change.row) : change)
  }

  #release(out: Output): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting?.passes !== true) return
    this.#collector.begin(out)
    this.#collector.emit(rowChange('-D', waiting.row))
    this.#collector.end()
  }
}
