import { MAIN_OUTPUT, type Operator, type Output } from '../contract/operator.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { userError } from '../util/user-error.ts'

/** The output of a split for records that the predicate refuses. */
export const SPLIT_REST = 'rest'

/** Sends each record to the main output if the predicate holds, else to the output SPLIT_REST. */
export class SplitOperator<T> implements Operator {
  readonly #node: string
  readonly #predicate: (value: T) => boolean

  constructor(node: string, predicate: (value: T) => boolean) {
    this.#node = node
    this.#predicate = predicate
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly T[]
    const timestamps = batch.timestamps
    const sides = [column<T>(timestamps), column<T>(timestamps)] as const
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const side = sides[this.#predicate(values[i] as T) ? 0 : 1]
        side.values.push(values[i] as T)
        side.timestamps?.push(timestamps?.[i] as number)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    for (const [n, side] of sides.entries()) {
      if (side.values.length > 0) out.batch(batchOf(side.values, side.timestamps), n === 0 ? MAIN_OUTPUT : SPLIT_REST)
    }
  }
}

function column<T>(timestamps: readonly number[] | undefined): { values: T[]; timestamps: number[] | undefined } {
  return { values: [], timestamps: timestamps === undefined ? undefined : [] }
}
