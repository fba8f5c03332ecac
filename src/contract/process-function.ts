import { MillraceError } from '../errors.ts'
import type { Key } from '../util/key-group.ts'
import type { TimerService } from './keyed-context.ts'
import type { RuntimeContext } from './runtime-context.ts'
import type {
  AggregateFunction,
  AggregatingState,
  AnyState,
  ListState,
  MapState,
  ReducingState,
  StateDescriptor,
  StateOptions,
  ValueState,
} from './state.ts'

/** A named further output of a node. Make one with sideOutput<T>('late') and read it with stream.side(tag). */
export interface OutputTag<T> {
  readonly name: string
  /** Only in the types. */
  readonly type?: T
}

export function sideOutput<T>(name: string): OutputTag<T> {
  return { name }
}

/** Where a function puts what it makes. Valid during the call it was passed to. */
export interface Collector<Out> {
  emit(value: Out): void
  /** With an event time (ms since the epoch) other than the input's. */
  emitAt(value: Out, timestampMs: number): void
  side<T>(tag: OutputTag<T>, value: T): void
}

/** About the record being handled. Valid during the call. */
export interface ProcessContext {
  /** Event time in ms since the epoch; undefined where none was assigned. */
  readonly timestamp: number | undefined
}

export interface KeyedProcessContext<K extends Key> extends ProcessContext {
  readonly key: K
  readonly timers: TimerService
}

export interface OnTimerContext<K extends Key> extends KeyedProcessContext<K> {
  readonly domain: 'event' | 'processing'
}

/** Common to all functions with a life: open once, work, close once. Calls never overlap. */
abstract class RichFunction {
  open(_context: RuntimeContext): void | Promise<void> {}
  /** Always called, also after a failure or a failed open. */
  close(): void | Promise<void> {}
}

/** Any number of records out for each record in. Synchronous; no state. */
export abstract class ProcessFunction<In, Out> extends RichFunction {
  abstract process(value: In, context: ProcessContext, out: Collector<Out>): void
  /** Every input has ended; the last records may be emitted. */
  endOfInput(_out: Collector<Out>): void {}
}

const DESCRIPTORS = Symbol.for('millrace.state.descriptors')
const BIND = Symbol.for('millrace.state.bind')

/** Declares states as fields: `readonly total = this.valueState<number>('total')`. Bound at open, before the user's open(). */
abstract class StatefulFunction extends RichFunction {
  readonly [DESCRIPTORS]: StateDescriptor[] = []
  readonly #bound = new Map<string, AnyState>();

  /** For the machine's operators: binds each declared state. */
  [BIND](register: (descriptor: StateDescriptor) => AnyState): void {
    for (const descriptor of this[DESCRIPTORS]) this.#bound.set(descriptor.name, register(descriptor))
  }

  protected valueState<T>(name: string, options: StateOptions<T> = {}): ValueState<T> {
    return this.#declare({ name, kind: 'value', options: options as StateOptions<unknown> })
  }

  protected listState<T>(name: string, options: StateOptions<T> = {}): ListState<T> {
    return this.#declare({ name, kind: 'list', options: options as StateOptions<unknown> })
  }

  protected mapState<K extends string | number, V>(name: string, options: StateOptions<V> = {}): MapState<K, V> {
    return this.#declare({ name, kind: 'map', options: options as StateOptions<unknown> })
  }

  protected reducingState<T>(name: string, reduce: (a: T, b: T) => T, options: StateOptions<T> = {}): ReducingState<T> {
    return this.#declare({
      name,
      kind: 'reducing',
      options: options as StateOptions<unknown>,
      reduce: reduce as (a: unknown, b: unknown) => unknown,
    })
  }

  protected aggregatingState<In, Acc, Out>(
    name: string,
    aggregate: AggregateFunction<In, Acc, Out>,
    options: StateOptions<Acc> = {},
  ): AggregatingState<In, Out> {
    return this.#declare({
      name,
      kind: 'aggregating',
      options: options as StateOptions<unknown>,
      aggregate: aggregate as unknown as AggregateFunction<unknown, unknown, unknown>,
    })
  }

  /** A stand-in whose every access goes to the bound state; the machine replaces none of the user's fields. */
  #declare<S>(descriptor: StateDescriptor): S {
    this[DESCRIPTORS].push(descriptor)
    return lateBound(() => {
      const state = this.#bound.get(descriptor.name)
      if (state === undefined) throw new MillraceError('STATE_UNDECLARED', { state: descriptor.name, node: '?' })
      return state
    }) as S
  }
}

/** Forwards the handful of methods that states have; monomorphic, so that the hot path stays a plain call. */
class LateBoundState {
  readonly #resolve: () => AnyState
  #state: Record<string, (...args: unknown[]) => unknown> | undefined

  constructor(resolve: () => AnyState) {
    this.#resolve = resolve
  }

  get #target(): Record<string, (...args: unknown[]) => unknown> {
    this.#state ??= this.#resolve() as unknown as Record<string, (...args: unknown[]) => unknown>
    return this.#state
  }

  get(key?: unknown): unknown {
    return this.#target.get?.(key)
  }
  set(a: unknown, b?: unknown): void {
    this.#target.set?.(a, b)
  }
  add(value: unknown): void {
    this.#target.add?.(value)
  }
  has(key: unknown): unknown {
    return this.#target.has?.(key)
  }
  delete(key: unknown): void {
    this.#target.delete?.(key)
  }
  entries(): unknown {
    return this.#target.entries?.()
  }
  get size(): unknown {
    return (this.#target as unknown as { size: number }).size
  }
  clear(): void {
    this.#target.clear?.()
  }
}

function lateBound(resolve: () => AnyState): unknown {
  return new LateBoundState(resolve)
}

/** One record at a time with the state and timers of its key. process and onTimer never run at the same time. */
export abstract class KeyedProcessFunction<K extends Key, In, Out> extends StatefulFunction {
  abstract process(value: In, context: KeyedProcessContext<K>, out: Collector<Out>): void
  onTimer(_timestampMs: number, _context: OnTimerContext<K>, _out: Collector<Out>): void {}
  endOfInput(_out: Collector<Out>): void {}
}

/** Two inputs, one function; keyed state if both inputs are keyed alike. Order between the inputs is not defined. */
export abstract class CoProcessFunction<K extends Key, A, B, Out> extends StatefulFunction {
  abstract process1(value: A, context: KeyedProcessContext<K>, out: Collector<Out>): void
  abstract process2(value: B, context: KeyedProcessContext<K>, out: Collector<Out>): void
  onTimer(_timestampMs: number, _context: OnTimerContext<K>, _out: Collector<Out>): void {}
  endOfInput(_out: Collector<Out>): void {}
}

/** For src/operators: the states a function declared. */
export function declaredStates(fn: object): readonly StateDescriptor[] {
  return (fn as { [DESCRIPTORS]?: StateDescriptor[] })[DESCRIPTORS] ?? []
}

/** For src/operators: binds the declared states of a function, once, at open. */
export function bindStates(fn: object, register: (descriptor: StateDescriptor) => AnyState): void {
  ;(fn as { [BIND]?: (register: (descriptor: StateDescriptor) => AnyState) => void })[BIND]?.(register)
}
