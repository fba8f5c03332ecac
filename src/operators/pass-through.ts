import type { Operator, Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'

/** Passes every batch of every input on: a union. Keys end here, as behind every node but keyBy. */
export class PassThroughOperator implements Operator {
  process(batch: Batch, out: Output): void {
    out.batch(batch.keys === undefined ? batch : batchOf(batch.values, batch.timestamps))
  }
}
