import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { bindStates, type KeyedProcessFunction } from '../contract/process-function.ts'
import type { Batch } from '../record/batch.ts'
import { assert, present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { callEndOfInput, callOnTimer } from './function-calls.ts'
import { KeyedFunctionContext } from './function-context.ts'
import { claim } from './user-function.ts'

/** Runs a KeyedProcessFunction: sets the current key, then calls it, record by record, without a wait or an allocation. */
export class KeyedProcessOperator<K extends Key, In, Out> implements Operator {
  readonly #node: string
  readonly #fn: KeyedProcessFunction<K, In, Out>
  readonly #collector: BatchCollector<Out>
  #keyed: KeyedContext | undefined
  #context: KeyedFunctionContext<K> | undefined

  constructor(node: string, fn: KeyedProcessFunction<K, In, Out>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void | Promise<void> {
    claim(this.#node, this.#fn)
    const keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#keyed = keyed
    this.#context = new KeyedFunctionContext(keyed.timers, '' as Key as K)
    bindStates(this.#fn, this.#node, (descriptor) => keyed.register(descriptor))
    return this.#fn.open(context)
  }

  process(batch: Batch, out: Output): void {
    const { timestamps, keys } = batch
    assert(keys !== undefined, `node "${this.#node}" got a batch without keys`)
    const values = batch.values as readonly In[]
    const fn = this.#fn
    const keyed = this.#keyed as KeyedContext
    const context = this.#context as KeyedFunctionContext<K>
    const collector = this.#collector
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keys[i] as K
        const timestamp = timestamps === undefined ? undefined : timestamps[i]
        keyed.setCurrentKey(key)
        context.key = key
        context.timestamp = timestamp
        collector.timestamp = timestamp
        fn.process(values[i] as In, context, collector)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }

  onTimer(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void {
    const context = this.#context as KeyedFunctionContext<K>
    callOnTimer(this.#fn, context, { timestamp, domain, key }, { node: this.#node, collector: this.#collector, out })
  }

  endOfInput(out: Output): void {
    callEndOfInput(this.#fn, { node: this.#node, collector: this.#collector, out })
  }

  close(): void | Promise<void> {
    return this.#fn.close()
  }
}
