import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { bindStates, type CoProcessFunction } from '../contract/process-function.ts'
import type { Batch } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { callEndOfInput, callOnTimer } from './function-calls.ts'
import { KeyedFunctionContext, UnkeyedFunctionContext } from './function-context.ts'
import { claim } from './user-function.ts'

/** Runs a CoProcessFunction over two inputs, keyed (both inputs carry keys) or not. */
export class CoProcessOperator<K extends Key, A, B, Out> implements Operator {
  readonly #node: string
  readonly #fn: CoProcessFunction<K, A, B, Out>
  readonly #collector: BatchCollector<Out>
  #keyed: KeyedContext | undefined
  #context: KeyedFunctionContext<K> | undefined
  readonly #unkeyed: UnkeyedFunctionContext

  constructor(node: string, fn: CoProcessFunction<K, A, B, Out>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
    this.#unkeyed = new UnkeyedFunctionContext(node)
  }

  open(context: OperatorContext): void | Promise<void> {
    claim(this.#node, this.#fn)
    const keyed = context.keyed
    this.#keyed = keyed
    if (keyed !== undefined) {
      this.#context = new KeyedFunctionContext(keyed.timers, '' as Key as K)
      bindStates(this.#fn, this.#node, (descriptor) => keyed.register(descriptor))
    }
    return this.#fn.open(context)
  }

  process(batch: Batch, out: Output, input: number): void {
    const context = this.#context ?? this.#unkeyed
    const collector = this.#collector
    const { values, timestamps } = batch
    const keys = this.#keyed === undefined ? undefined : present(batch.keys, `keys of a batch for node "${this.#node}"`)
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        if (keys !== undefined) this.#setKey(keys[i] as K)
        const timestamp = timestamps === undefined ? undefined : timestamps[i]
        context.timestamp = timestamp
        collector.timestamp = timestamp
        if (input === 0) this.#fn.process1(values[i] as A, context, collector)
        else this.#fn.process2(values[i] as B, context, collector)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }

  onTimer(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void {
    const context = present(this.#context, `keyed context of node "${this.#node}"`)
    callOnTimer(this.#fn, context, { timestamp, domain, key }, { node: this.#node, collector: this.#collector, out })
  }

  endOfInput(out: Output): void {
    callEndOfInput(this.#fn, { node: this.#node, collector: this.#collector, out })
  }

  close(): void | Promise<void> {
    return this.#fn.close()
  }

  #setKey(key: K): void {
    this.#keyed?.setCurrentKey(key)
    if (this.#context !== undefined) this.#context.key = key
  }
}
