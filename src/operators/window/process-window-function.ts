import type { Collector } from '../../contract/process-function.ts'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import type { TimeWindow } from '../../time/window.ts'
import type { Key } from '../../util/key-group.ts'

/** About the window whose records are handled. Valid during the call. */
export interface WindowContext<K extends Key> {
  readonly key: K
  readonly window: TimeWindow
}

/**
 * All records of a window at once, in the order in which they came. They are all kept until then: where an aggregate function will do,
 * it keeps less. Synchronous; what is emitted has the last event time of the window.
 */
export abstract class ProcessWindowFunction<K extends Key, In, Out> {
  /** Only in the types: a function may take more than the stream has, never less. */
  declare protected readonly takes: (value: In, key: K) => void
  open(_context: RuntimeContext): void | Promise<void> {}
  /** Again for a window that gives a result more than once, early or for late records. `values` are not to be changed. */
  abstract process(values: readonly In[], context: WindowContext<K>, out: Collector<Out>): void
  /** Always called, also after a failure or a failed open. */
  close(): void | Promise<void> {}
}

/** A lambda where a ProcessWindowFunction is wanted. */
export type ProcessWindowLambda<K extends Key, In, Out> = (
  values: readonly In[],
  context: WindowContext<K>,
  out: Collector<Out>,
  // biome-ignore lint/suspicious/noConfusingVoidType: unlike void alone, it does not take a factory of the wrong function for a lambda
) => void | undefined

/** A lambda as a function object. */
export class LambdaProcessWindowFunction<K extends Key, In, Out> extends ProcessWindowFunction<K, In, Out> {
  readonly #fn: ProcessWindowLambda<K, In, Out>

  constructor(fn: ProcessWindowLambda<K, In, Out>) {
    super()
    this.#fn = fn
  }

  // Returns what the lambda returns, so that a promise is seen.
  override process(values: readonly In[], context: WindowContext<K>, out: Collector<Out>): void {
    return this.#fn(values, context, out)
  }
}
