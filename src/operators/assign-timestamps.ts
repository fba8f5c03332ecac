import type { Operator, Output } from '../contract/operator.ts'
import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { renderRecord, userError } from './user-error.ts'

/** Gives each record the event time that the user's function reads from it. */
export class AssignTimestampsOperator<T> implements Operator {
  readonly #node: string
  readonly #timestampOf: (value: T) => number

  constructor(node: string, timestampOf: (value: T) => number) {
    this.#node = node
    this.#timestampOf = timestampOf
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly T[]
    const timestamps = new Array<number>(values.length)
    let i = 0
    try {
      for (; i < values.length; i += 1) timestamps[i] = this.#checked(this.#timestampOf(values[i] as T), values[i])
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    out.batch(batchOf(values, timestamps))
  }

  #checked(timestamp: number, record: unknown): number {
    if (Number.isFinite(timestamp)) return timestamp
    throw new MillraceError('USER_FUNCTION', {
      node: this.#node,
      record: renderRecord(record),
      reason: `its event time is ${String(timestamp)}, expected milliseconds since the epoch`,
    })
  }
}
