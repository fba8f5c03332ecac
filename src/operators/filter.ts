import type { Operator, Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { userError } from '../util/user-error.ts'

/** Keeps the records for which the predicate holds, with their timestamps. */
export class FilterOperator<T> implements Operator {
  readonly #node: string
  readonly #predicate: (value: T) => boolean

  constructor(node: string, predicate: (value: T) => boolean) {
    this.#node = node
    this.#predicate = predicate
  }

  process(batch: Batch, out: Output): void {
    const kept = this.#keep(batch)
    if (kept.values.length > 0) out.batch(kept)
  }

  #keep(batch: Batch): Batch {
    const values = batch.values as readonly T[]
    const timestamps = batch.timestamps
    const predicate = this.#predicate
    const kept: T[] = []
    const keptTimestamps: number[] | undefined = timestamps === undefined ? undefined : []
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const value = values[i] as T
        if (!predicate(value)) continue
        kept.push(value)
        if (keptTimestamps !== undefined) keptTimestamps.push(timestamps?.[i] as number)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    return batchOf(kept, keptTimestamps)
  }
}
