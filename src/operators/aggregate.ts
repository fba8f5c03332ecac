import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { AggregateFunction, StateDescriptor, ValueState } from '../contract/state.ts'
import type { Batch } from '../record/batch.ts'
import { batchOf } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError, userErrorIn } from '../util/user-error.ts'

/** Keeps one accumulator per key and emits its result after each record, in batch mode after the last one. Also what reduce() runs on. */
export class AggregateOperator<In, Acc, Out> implements Operator {
  readonly #node: string
  readonly #descriptor: StateDescriptor
  readonly #fn: AggregateFunction<In, Acc, Out>
  #keyed: KeyedContext | undefined
  #state: ValueState<Acc> | undefined
  #finalOnly = false
  /** Event time of the last record, in batch mode. */
  #timestamp: number | undefined

  constructor(node: string, descriptor: StateDescriptor, fn: AggregateFunction<In, Acc, Out>) {
    this.#node = node
    this.#descriptor = descriptor
    this.#fn = fn
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(this.#descriptor) as ValueState<unknown> as ValueState<Acc>
    this.#finalOnly = context.mode === 'batch'
  }

  process(batch: Batch, out: Output): void {
    if (this.#finalOnly) return this.#fold(batch)
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

  endOfKey(_key: Key, out: Output): void {
    const accumulator = this.#state?.get()
    if (accumulator !== undefined) out.emit(this.#result(accumulator), this.#timestamp)
  }

  /** Records of one key: its state is read and written once. */
  #fold(batch: Batch): void {
    const values = batch.values as readonly In[]
    const state = this.#state as ValueState<Acc>
    const fn = this.#fn
    let i = 0
    try {
      let accumulator = state.get()
      for (; i < values.length; i += 1) {
        accumulator = fn.add(values[i] as In, accumulator === undefined ? fn.create() : accumulator)
      }
      if (accumulator !== undefined) state.set(accumulator)
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#timestamp = batch.timestamps?.at(-1)
  }

  #result(accumulator: Acc): Out {
    try {
      return this.#fn.result(accumulator)
    } catch (error) {
      throw userErrorIn(this.#node, 'the end of a key', error)
    }
  }
}
