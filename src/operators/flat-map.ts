import type { Operator, Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'

/** Any number of records out for each record in, from an array, a generator or any iterable; each gets its record's timestamp. */
export class FlatMapOperator<In, Out> implements Operator {
  readonly #node: string
  readonly #fn: (value: In) => Iterable<Out>
  readonly #collector: BatchCollector<Out>

  constructor(node: string, fn: (value: In) => Iterable<Out>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly In[]
    const fn = this.#fn
    const collector = this.#collector
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        collector.timestamp = batch.timestamps?.[i]
        for (const value of fn(values[i] as In)) collector.emit(value)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }
}
