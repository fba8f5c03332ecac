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
export abstract class RichFunction {
  open(_context: RuntimeContext): void | Promise<void> {}
  /** Always called, also after a failure or a failed open. */
  close(): void | Promise<void> {}
}

/** Any number of records out for each record in. Synchronous; no state but what snapshotState() tells. */
export abstract class ProcessFunction<In, Out> extends RichFunction {
  /** Only in the types: a function may take more than the stream has, never less. */
  declare protected readonly takes: (value: In) => void
  /** At each barrier: small state of this subtask that its next life is to know, of plain data; undefined where there is none. */
  snapshotState?(): unknown
  /**
   * Before open(), with each restore: what every former subtask's snapshotState() returned, given to every subtask, whatever the
   * parallelism was (Flink's union state). Which of it is this subtask's is for the function to tell.
   */
  restoreState?(states: readonly unknown[]): void
  abstract process(value: In, context: ProcessContext, out: Collector<Out>): void
  /** Every input has ended; the last records may be emitted. */
  endOfInput(_out: Collector<Out>): void {}
}

const DESCRIPTORS = Symbol.for('millrace.state.descriptors')
const BIND = Symbol.for('millrace.state.bind')

/** Declares states as fields: `readonly total = this.valueState<number>('total')`. Bound at open, before the user's open(). */
export abstract class StatefulFunction extends RichFunction {
  readonly [DESCRIPTORS]: StateDescriptor[] = []
  readonly #fields: StateField[] = []
  #node: string | undefined;

  /** For the machine's operators: binds each declared state. */
  [BIND](node: string, register: (descriptor: StateDescriptor) => AnyState): void {
    this.#node = node
    for (const [i, descriptor] of this[DESCRIPTORS].entries()) this.#fields[i]?.bind(register(descriptor))
  }

  protected valueState<T>(name: string, options: StateOptions<T> = {}): ValueState<T> {
    return this.#declare({ name, kind: 'value', options: options as StateOptions<unknown> }) as unknown as ValueState<T>
  }

  protected listState<T>(name: string, options: StateOptions<T> = {}): ListState<T> {
    return this.#declare({ name, kind: 'list', options: options as StateOptions<unknown> }) as unknown as ListState<T>
  }

  protected mapState<K extends string | number, V>(name: string, options: StateOptions<V> = {}): MapState<K, V> {
    const field = this.#declare({ name, kind: 'map', options: options as StateOptions<unknown> })
    return field as unknown as MapState<K, V>
  }

  protected reducingState<T>(name: string, reduce: (a: T, b: T) => T, options: StateOptions<T> = {}): ReducingState<T> {
    const field = this.#declare({
      name,
      kind: 'reducing',
      options: options as StateOptions<unknown>,
      reduce: reduce as (a: unknown, b: unknown) => unknown,
    })
    return field as unknown as ReducingState<T>
  }

  protected aggregatingState<In, Acc, Out>(
    name: string,
    aggregate: AggregateFunction<In, Acc, Out>,
    options: StateOptions<Acc> = {},
  ): AggregatingState<In, Out> {
    const field = this.#declare({
      name,
      kind: 'aggregating',
      options: options as StateOptions<unknown>,
      aggregate: aggregate as unknown as AggregateFunction<unknown, unknown, unknown>,
    })
    return field as unknown as AggregatingState<In, Out>
  }

  #declare(descriptor: StateDescriptor): StateField {
    if (this.#node !== undefined) throw unbound(descriptor.name, this.#node)
    const field = new FIELDS[descriptor.kind](new UnboundState(descriptor.name, this.constructor.name))
    this[DESCRIPTORS].push(descriptor)
    this.#fields.push(field)
    return field
  }
}

const unbound = (state: string, node: string): MillraceError => new MillraceError('STATE_UNDECLARED', { state, node })

/** Every method that any state has. A field calls those of its kind only. */
interface StateMethods {
  get(key?: unknown): unknown
  set(a: unknown, b?: unknown): void
  add(value: unknown): void
  has(key: unknown): boolean
  delete(key: unknown): void
  entries(): IterableIterator<unknown>
  readonly size: number
  clear(): void
}

/** What a field holds before open(): the node's name is not known yet, so the class's name stands for it. */
class UnboundState implements StateMethods {
  readonly #error: () => MillraceError
  constructor(state: string, className: string) {
    this.#error = () => unbound(state, `new ${className}()`)
  }
  get(): never {
    throw this.#error()
  }
  set(): never {
    throw this.#error()
  }
  add(): never {
    throw this.#error()
  }
  has(): never {
    throw this.#error()
  }
  delete(): never {
    throw this.#error()
  }
  entries(): never {
    throw this.#error()
  }
  get size(): never {
    throw this.#error()
  }
  clear(): never {
    throw this.#error()
  }
}

/**
 * What a declaration returns: one object for the life of the function (so that #private fields work), whose methods are
 * one plain call to the bound state. A class per kind keeps those calls of one shape each, which the engine inlines.
 */
abstract class StateField {
  protected state: StateMethods
  constructor(state: StateMethods) {
    this.state = state
  }
  bind(state: AnyState): void {
    this.state = state as unknown as StateMethods
  }
  clear(): void {
    this.state.clear()
  }
}

class ValueField extends StateField {
  get(): unknown {
    return this.state.get()
  }
  set(value: unknown): void {
    this.state.set(value)
  }
}

class ListField extends StateField {
  get(): unknown {
    return this.state.get()
  }
  add(value: unknown): void {
    this.state.add(value)
  }
  set(values: unknown): void {
    this.state.set(values)
  }
}

class MapField extends StateField {
  get(key: unknown): unknown {
    return this.state.get(key)
  }
  has(key: unknown): boolean {
    return this.state.has(key)
  }
  set(key: unknown, value: unknown): void {
    this.state.set(key, value)
  }
  delete(key: unknown): void {
    this.state.delete(key)
  }
  entries(): IterableIterator<unknown> {
    return this.state.entries()
  }
  get size(): number {
    return this.state.size
  }
}

/** Of reducing and of aggregating state. */
class AddingField extends StateField {
  get(): unknown {
    return this.state.get()
  }
  add(value: unknown): void {
    this.state.add(value)
  }
}

const FIELDS = {
  value: ValueField,
  list: ListField,
  map: MapField,
  reducing: AddingField,
  aggregating: AddingField,
} as const

/** One record at a time with the state and timers of its key. process and onTimer never run at the same time. */
export abstract class KeyedProcessFunction<K extends Key, In, Out> extends StatefulFunction {
  /** Only in the types: see ProcessFunction. */
  declare protected readonly takes: (value: In, key: K) => void
  abstract process(value: In, context: KeyedProcessContext<K>, out: Collector<Out>): void
  onTimer(_timestampMs: number, _context: OnTimerContext<K>, _out: Collector<Out>): void {}
  endOfInput(_out: Collector<Out>): void {}
}

/** Two inputs, one function; keyed state if both inputs are keyed alike. Order between the inputs is not defined. */
export abstract class CoProcessFunction<K extends Key, A, B, Out> extends StatefulFunction {
  /** Only in the types: see ProcessFunction. */
  declare protected readonly takes: (a: A, b: B, key: K) => void
  abstract process1(value: A, context: KeyedProcessContext<K>, out: Collector<Out>): void
  abstract process2(value: B, context: KeyedProcessContext<K>, out: Collector<Out>): void
  onTimer(_timestampMs: number, _context: OnTimerContext<K>, _out: Collector<Out>): void {}
  endOfInput(_out: Collector<Out>): void {}
}

/** For src/operators: the states a function declared. */
export function declaredStates(fn: object): readonly StateDescriptor[] {
  return (fn as { [DESCRIPTORS]?: StateDescriptor[] })[DESCRIPTORS] ?? []
}

/** True for functions whose state and timers are those of a key. */
export function needsKey(fn: object): boolean {
  return fn instanceof StatefulFunction
}

/** For src/operators: binds the declared states of a function, once, at open. Throws what register() throws. */
export function bindStates(fn: object, node: string, register: (descriptor: StateDescriptor) => AnyState): void {
  ;(fn as Partial<Pick<StatefulFunction, typeof BIND>>)[BIND]?.(node, register)
}
