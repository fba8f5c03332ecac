import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { AggregateFunction, StateDescriptor, ValueState } from '../contract/state.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import { userError } from '../util/user-error.ts'

/** Keeps one accumulator per key and emits its result after each record. Also what reduce() runs on. */
export class AggregateOperator<In, Acc, Out> implements Operator {
  readonly #node: string
  readonly #descriptor: StateDescriptor
  readonly #fn: AggregateFunction<In, Acc, Out>
  #keyed: KeyedContext | undefined
  #state: ValueState<Acc> | undefined

  constructor(node: string, descriptor: StateDescriptor, fn: AggregateFunction<In, Acc, Out>) {
    this.#node = node
    this.#descriptor = descriptor
    this.#fn = fn
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(this.#descriptor) as ValueState<unknown> as ValueState<Acc>
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly In[]
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const keyed = this.#keyed as KeyedContext
    const state = this.#state as ValueState<Acc>
    const fn = this.#fn
    const results = new Array<Out>(values.length)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keys[i]
        keyed.setCurrentKey(key as NonNullable<typeof key>)
        const kept = state.get()
        const accumulator = fn.add(values[i] as In, kept === undefined ? fn.create() : kept)
        state.set(accumulator)
        results[i] = fn.result(accumulator)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    out.batch(batchOf(results, batch.timestamps))
  }
}
