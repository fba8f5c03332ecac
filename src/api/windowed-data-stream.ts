import type { OutputTag } from '../contract/process-function.ts'
import type { AggregateFunction } from '../contract/state.ts'
import { assertName } from '../graph/names.ts'
import { reduction } from '../operators/reduce.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import { ARRIVED_FOLD } from '../operators/window/arrived-fold.ts'
import { createWindowOperator } from '../operators/window/create-window-operator.ts'
import { FunctionEmitter } from '../operators/window/function-emitter.ts'
import {
  LambdaProcessWindowFunction,
  type ProcessWindowFunction,
  type ProcessWindowLambda,
} from '../operators/window/process-window-function.ts'
import { RowEmitter, type WindowEmitter, type WindowRow } from '../operators/window/window-emitter.ts'
import { WINDOWS_STATE, type WindowFold, type WindowSpec } from '../operators/window/window-spec.ts'
import type { Trigger } from '../time/trigger.ts'
import type { WindowAssigner } from '../time/window.ts'
import type { Key } from '../util/key-group.ts'
import type { NodeOptions, Stream, WindowedStream } from './streams.ts'
import { edgeFrom, type Origin, type Wiring } from './wiring.ts'

/** Where the windows' records come from, and how the stream that comes out is made. */
export interface WindowInput {
  readonly wiring: Wiring
  /** A keyed stream; for windows over all records, one that is made when the node's name is known. */
  readonly input: (name: string) => object
  readonly streamOf: <Out>(origin: Origin) => Stream<Out>
  /** All records meet in one subtask. */
  readonly single: boolean
}

/** What was said about the windows so far. */
type Said = Pick<WindowSpec, 'assigner' | 'allowedLatenessMs' | 'lateRecords' | 'emitEveryMs' | 'trigger'>

/** The one implementation of WindowedStream. */
export class WindowedDataStream<K extends Key, T> implements WindowedStream<K, T> {
  readonly #from: WindowInput
  readonly #said: Said

  constructor(from: WindowInput, said: Partial<Said> & { readonly assigner: WindowAssigner<never> }) {
    this.#from = from
    this.#said = { allowedLatenessMs: 0, lateRecords: undefined, emitEveryMs: undefined, trigger: undefined, ...said }
  }

  allowedLateness(latenessMs: number): WindowedStream<K, T> {
    return this.#with({ allowedLatenessMs: latenessMs })
  }

  lateRecords(tag: OutputTag<T>): WindowedStream<K, T> {
    return this.#with({ lateRecords: tag })
  }

  emitEvery(intervalMs: number): WindowedStream<K, T> {
    return this.#with({ emitEveryMs: intervalMs })
  }

  trigger(trigger: Trigger<T>): WindowedStream<K, T> {
    return this.#with({ trigger })
  }

  reduce<Out>(
    name: string,
    fn: (total: T, value: T) => T,
    rowOf?: WindowRow<K, T, Out> | NodeOptions,
    options?: NodeOptions,
  ): Stream<Out> {
    return this.#folded(name, 'windowReduce', reduction(fn), rowOf, options)
  }

  aggregate<Acc, Result, Out>(
    name: string,
    fn: AggregateFunction<T, Acc, Result>,
    rowOf?: WindowRow<K, Result, Out> | NodeOptions,
    options?: NodeOptions,
  ): Stream<Out> {
    return this.#folded(name, 'windowAggregate', fn, rowOf, options)
  }

  process<Out>(
    name: string,
    fn: FunctionOrFactory<ProcessWindowFunction<K, T, Out>> | ProcessWindowLambda<K, T, Out>,
    options?: NodeOptions,
  ): Stream<Out> {
    // Made once here as well, so that what is no function is refused where it is written.
    windowFunctionOf(name, fn)
    const createEmitter = (): WindowEmitter =>
      new FunctionEmitter(name, windowFunctionOf(name, fn) as ProcessWindowFunction<Key, unknown, unknown>)
    return this.#add(name, { type: 'windowProcess', fold: ARRIVED_FOLD, createEmitter }, options)
  }

  #folded<Acc, Result, Out>(
    name: string,
    type: string,
    fn: AggregateFunction<T, Acc, Result>,
    rowOf: WindowRow<K, Result, Out> | NodeOptions | undefined,
    options: NodeOptions | undefined,
  ): Stream<Out> {
    const row = typeof rowOf === 'function' ? (rowOf as WindowRow<Key, unknown, unknown>) : undefined
    const fold = fn as unknown as WindowFold
    const createEmitter = (): WindowEmitter => new RowEmitter(row)
    return this.#add(name, { type, fold, createEmitter }, typeof rowOf === 'object' ? rowOf : options)
  }

  #add<Out>(
    name: string,
    { type, ...node }: Pick<WindowSpec, 'fold' | 'createEmitter'> & { readonly type: string },
    options: NodeOptions | undefined,
  ): Stream<Out> {
    const { wiring, input, streamOf, single } = this.#from
    const spec: WindowSpec = { node: name, ...this.#said, ...node }
    if (spec.lateRecords !== undefined) assertName(spec.lateRecords.name, `the late records of node "${name}"`)
    // Made once here as well, so that what makes no sense is refused where it is written.
    createWindowOperator(spec)
    const operator = {
      name,
      type,
      create: () => createWindowOperator(spec),
      inputs: [edgeFrom(input(name), name)],
      keyed: true,
      states: [WINDOWS_STATE],
    }
    return streamOf(wiring.addOperator(operator, single ? { parallelism: 1 } : options))
  }

  #with(more: Partial<Said>): WindowedStream<K, T> {
    return new WindowedDataStream<K, T>(this.#from, { ...this.#said, ...more })
  }
}

/** A lambda takes the records; a function without parameters is a factory; the rest are objects. */
function windowFunctionOf<K extends Key, In, Out>(
  node: string,
  given: FunctionOrFactory<ProcessWindowFunction<K, In, Out>> | ProcessWindowLambda<K, In, Out>,
): ProcessWindowFunction<K, In, Out> {
  if (typeof given === 'function' && given.length > 0) {
    return new LambdaProcessWindowFunction(given as ProcessWindowLambda<K, In, Out>)
  }
  return instanceOf(node, given as FunctionOrFactory<ProcessWindowFunction<K, In, Out>>)
}
