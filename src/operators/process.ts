import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { type Collector, type ProcessContext, ProcessFunction } from '../contract/process-function.ts'
import type { Batch } from '../record/batch.ts'
import { userError } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { callEndOfInput } from './function-calls.ts'
import { claim } from './user-function.ts'

/** A lambda where a ProcessFunction is wanted. */
// biome-ignore lint/suspicious/noConfusingVoidType: unlike void alone, it does not take a factory of the wrong function for a lambda
export type ProcessLambda<In, Out> = (value: In, context: ProcessContext, out: Collector<Out>) => void | undefined

/** The ProcessFunction of a lambda: no life, no end. */
export class LambdaProcessFunction<In, Out> extends ProcessFunction<In, Out> {
  readonly #lambda: ProcessLambda<In, Out>

  constructor(lambda: ProcessLambda<In, Out>) {
    super()
    this.#lambda = lambda
  }

  override process(value: In, context: ProcessContext, out: Collector<Out>): void {
    this.#lambda(value, context, out)
  }
}

/** Runs a ProcessFunction: any number of records out, side outputs, a life. */
export class ProcessOperator<In, Out> implements Operator {
  readonly #node: string
  readonly #fn: ProcessFunction<In, Out>
  readonly #collector: BatchCollector<Out>
  readonly #context: { timestamp: number | undefined } = { timestamp: undefined }

  constructor(node: string, fn: ProcessFunction<In, Out>) {
    this.#node = node
    this.#fn = fn
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void | Promise<void> {
    claim(this.#node, this.#fn)
    if (context.restored.length > 0) this.#fn.restoreState?.(context.restored)
    return this.#fn.open(context)
  }

  snapshot(): unknown {
    return this.#fn.snapshotState?.()
  }

  process(batch: Batch, out: Output): void {
    const values = batch.values as readonly In[]
    const timestamps = batch.timestamps
    const fn = this.#fn
    const context = this.#context
    const collector = this.#collector
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const timestamp = timestamps === undefined ? undefined : timestamps[i]
        context.timestamp = timestamp
        collector.timestamp = timestamp
        fn.process(values[i] as In, context, collector)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }

  endOfInput(out: Output): void {
    callEndOfInput(this.#fn, { node: this.#node, collector: this.#collector, out })
  }

  close(): void | Promise<void> {
    return this.#fn.close()
  }
}
