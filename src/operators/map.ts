import type { Operator, Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { userError } from '../util/user-error.ts'

/** One record out for each record in; timestamps stay. */
export class MapOperator<In, Out> implements Operator {
  readonly #node: string
  readonly #fn: (value: In) => Out

  constructor(node: string, fn: (value: In) => Out) {
    this.#node = node
    this.#fn = fn
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly In[]
    const fn = this.#fn
    const count = values.length
    const mapped = new Array<Out>(count)
    let i = 0
    try {
      for (; i < count; i += 1) mapped[i] = fn(values[i] as In)
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    out.batch(batchOf(mapped, batch.timestamps))
  }
}
