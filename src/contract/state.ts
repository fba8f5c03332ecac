// Keyed state: declared as fields of a function before open(), bound by the machine at open().

/** Turns a value into bytes and back. Both are synchronous; `name` and `version` are kept in each checkpoint. */
export interface Codec<T> {
  readonly name: string
  readonly version: number
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/**
 * Time to live, in processing time. An expired value is never returned; it is removed when met and when evicted.
 * `refresh`: what restarts its life: `write` (default) or also each `read`.
 */
export interface TimeToLive {
  readonly ttlMs: number
  readonly refresh?: 'write' | 'read'
}

export interface StateOptions<T> {
  /** Default: msgpack, version 1. */
  readonly codec?: Codec<T>
  readonly ttl?: TimeToLive
  /** Version of the value's shape; default 1. Raise it together with `migrate`. */
  readonly version?: number
  /** Makes a value of this version from one that an older version (or another codec, already decoded by it) wrote. */
  readonly migrate?: (old: unknown, fromVersion: number) => T
}

export type StateKind = 'value' | 'list' | 'map' | 'reducing' | 'aggregating'

export interface AggregateFunction<In, Acc, Out> {
  create(): Acc
  /** Returns the accumulator to keep: the same object changed, or another one. */
  add(value: In, accumulator: Acc): Acc
  result(accumulator: Acc): Out
  /** Of what was added to `a`, and then to `b`. May change `a` and return it; `b` stays as it is, whatever is added to the result. */
  merge(a: Acc, b: Acc): Acc
  /** Takes back a value that was added and not yet taken back: what is left is as if it never had been. Absent: it cannot. */
  retract?(value: In, accumulator: Acc): Acc
  /** The same function for input that retracts, where that takes an accumulator of its own (a maximum then keeps all values). */
  retractable?(): RetractableAggregateFunction<In, unknown, Out>
}

/** An aggregate function that can take back what was added. */
export interface RetractableAggregateFunction<In, Acc, Out> extends AggregateFunction<In, Acc, Out> {
  retract(value: In, accumulator: Acc): Acc
}

/** What a function declared. `options` concern the stored element: a list's item, a map's value, an accumulator. */
export interface StateDescriptor {
  readonly name: string
  readonly kind: StateKind
  readonly options: StateOptions<unknown>
  readonly reduce?: (a: unknown, b: unknown) => unknown
  readonly aggregate?: AggregateFunction<unknown, unknown, unknown>
}

/**
 * State of the current key: the key of the record or timer being handled. Reads and writes are synchronous.
 * A value that was read may be changed in place only if it is then set again; what is kept is what was set last.
 */
export interface ValueState<T> {
  get(): T | undefined
  set(value: T): void
  clear(): void
}

export interface ListState<T> {
  /** In the order added. Not to be changed in place. */
  get(): readonly T[]
  add(value: T): void
  set(values: readonly T[]): void
  clear(): void
}

export interface MapState<K extends string | number, V> {
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  delete(key: K): void
  /** In insertion order while in the heap; by key after a restore. */
  entries(): IterableIterator<[K, V]>
  readonly size: number
  clear(): void
}

export interface ReducingState<T> {
  get(): T | undefined
  add(value: T): void
  clear(): void
}

export interface AggregatingState<In, Out> {
  get(): Out | undefined
  add(value: In): void
  clear(): void
}

export type AnyState =
  | ValueState<unknown>
  | ListState<unknown>
  | MapState<string | number, unknown>
  | ReducingState<unknown>
  | AggregatingState<unknown, unknown>
