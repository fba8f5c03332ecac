import type { Operator, Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { stampBatch } from '../time/stamp-batch.ts'

/** Gives each record the event time that the user's function reads from it. */
export class AssignTimestampsOperator<T> implements Operator {
  readonly #node: string
  readonly #timestampOf: (value: T) => number

  constructor(node: string, timestampOf: (value: T) => number) {
    this.#node = node
    this.#timestampOf = timestampOf
  }

  process(batch: Batch, out: Output): void {
    out.batch(stampBatch(this.#node, batch, this.#timestampOf))
  }
}
