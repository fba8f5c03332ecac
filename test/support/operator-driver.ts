// Drives one Operator by hand, in the order its contract promises, with keyed state in a plain Map.

import type { KeyedContext, TimerService } from '../../src/contract/keyed-context.ts'
import { MAIN_OUTPUT, type Operator, type OperatorContext, type Output } from '../../src/contract/operator.ts'
import type { AnyState, StateDescriptor } from '../../src/contract/state.ts'
import { type Batch, batchOf } from '../../src/record/batch.ts'
import { type Key, mapKeyOf } from '../../src/util/key-group.ts'
import { ManualClock, runtimeContext } from './runtime-context.ts'

export interface Emitted {
  readonly value: unknown
  readonly timestamp: number | undefined
  readonly key: Key | undefined
}

/** Collects what an operator puts out, by output. */
export class CollectedOutput implements Output {
  readonly byOutput = new Map<string, Emitted[]>()
  /** Watermarks the operator put out, in order, and how it changed its status. */
  readonly watermarks: number[] = []
  readonly statuses: boolean[] = []
  batches = 0

  batch(batch: Batch, output = MAIN_OUTPUT): void {
    this.batches += 1
    for (const [i, value] of batch.values.entries()) {
      this.#list(output).push({ value, timestamp: batch.timestamps?.[i], key: batch.keys?.[i] })
    }
  }

  emit(value: unknown, timestamp: number | undefined, output = MAIN_OUTPUT): void {
    this.#list(output).push({ value, timestamp, key: undefined })
  }

  watermark(timestamp: number): void {
    this.watermarks.push(timestamp)
  }

  idle(idle: boolean): void {
    this.statuses.push(idle)
  }

  values(output = MAIN_OUTPUT): unknown[] {
    return this.#list(output).map(({ value }) => value)
  }

  #list(output: string): Emitted[] {
    const list = this.byOutput.get(output) ?? []
    this.byOutput.set(output, list)
    return list
  }
}

/** Value and reducing-like state of the current key in the heap; what user functions need, nothing of a backend. */
export class HeapKeyedContext implements KeyedContext {
  readonly registered: StateDescriptor[] = []
  readonly timers: TimerService & { readonly event: number[]; readonly processing: number[]; watermark: number }
  current: ReturnType<typeof mapKeyOf> = ''

  constructor() {
    const event: number[] = []
    const processing: number[] = []
    this.timers = {
      event,
      processing,
      watermark: Number.NEGATIVE_INFINITY,
      currentWatermark: () => this.timers.watermark,
      currentProcessingTime: () => 0,
      registerEventTimeTimer: (at) => void event.push(at),
      registerProcessingTimeTimer: (at) => void processing.push(at),
      deleteEventTimeTimer: (at) => void event.splice(event.indexOf(at), 1),
      deleteProcessingTimeTimer: (at) => void processing.splice(processing.indexOf(at), 1),
    }
  }

  setCurrentKey(key: Key): void {
    this.current = mapKeyOf(key)
  }

  register(descriptor: StateDescriptor): AnyState {
    this.registered.push(descriptor)
    return new HeapState(this, descriptor) as unknown as AnyState
  }
}

/** One class for the kinds the tests use: value, list and map. */
class HeapState {
  readonly #context: HeapKeyedContext
  readonly #descriptor: StateDescriptor
  readonly #values = new Map<unknown, unknown>()

  constructor(context: HeapKeyedContext, descriptor: StateDescriptor) {
    this.#context = context
    this.#descriptor = descriptor
  }

  get(key?: unknown): unknown {
    const value = this.#values.get(this.#context.current)
    if (this.#descriptor.kind === 'list') return value ?? []
    return this.#descriptor.kind === 'map' ? (value as Map<unknown, unknown> | undefined)?.get(key) : value
  }

  set(first: unknown, second?: unknown): void {
    if (this.#descriptor.kind === 'map') this.#map().set(first, second)
    else this.#values.set(this.#context.current, first)
  }

  add(value: unknown): void {
    const { kind, reduce, aggregate } = this.#descriptor
    const old = this.#values.get(this.#context.current)
    if (kind === 'list') this.set([...((old ?? []) as unknown[]), value])
    else if (kind === 'reducing') this.set(old === undefined ? value : reduce?.(old, value))
    else this.set(aggregate?.add(value, old ?? aggregate.create()))
  }

  has(key: unknown): boolean {
    return this.#map().has(key)
  }

  delete(key: unknown): void {
    this.#map().delete(key)
  }

  entries(): IterableIterator<unknown> {
    return this.#map().entries()
  }

  get size(): number {
    return this.#map().size
  }

  clear(): void {
    this.#values.delete(this.#context.current)
  }

  #map(): Map<unknown, unknown> {
    const map = (this.#values.get(this.#context.current) ?? new Map()) as Map<unknown, unknown>
    this.#values.set(this.#context.current, map)
    return map
  }
}

export interface DriverOptions {
  readonly keyed?: HeapKeyedContext
  readonly node?: string
  readonly restored?: readonly unknown[]
  readonly parallelism?: number
}

/** An opened operator and its output. Calls are awaited, so nothing overlaps. */
export class OperatorDriver {
  readonly operator: Operator
  readonly out = new CollectedOutput()
  readonly clock = new ManualClock()
  readonly counters = new Map<string, number>()
  readonly logged: string[] = []
  wakes = 0
  readonly #options: DriverOptions

  constructor(operator: Operator, options: DriverOptions = {}) {
    this.operator = operator
    this.#options = options
  }

  async open(): Promise<this> {
    const base = runtimeContext({
      node: this.#options.node ?? 'node',
      clock: this.clock,
      counters: this.counters,
      logged: this.logged,
      ...(this.#options.parallelism === undefined ? {} : { parallelism: this.#options.parallelism }),
    })
    const context: OperatorContext = {
      ...base,
      keyed: this.#options.keyed,
      restored: this.#options.restored ?? [],
      wake: () => {
        this.wakes += 1
      },
    }
    await this.operator.open?.(context)
    return this
  }

  async push(
    values: readonly unknown[],
    more: { timestamps?: number[]; keys?: Key[]; input?: number } = {},
  ): Promise<void> {
    await this.operator.process(batchOf(values, more.timestamps, more.keys), this.out, more.input ?? 0)
  }

  async drain(): Promise<void> {
    await this.operator.drain?.(this.out)
  }

  async barrier(id: number): Promise<void> {
    await this.operator.finishEpoch?.(id, this.out)
  }

  async end(): Promise<void> {
    await this.operator.endOfInput?.(this.out)
    await this.operator.close?.()
  }
}

/** Runs all values through an operator twice, one by one and in one batch: both must give the same. */
export async function runBothWays(
  make: () => Operator,
  values: readonly unknown[],
  more: { timestamps?: number[]; keys?: Key[]; keyed?: () => HeapKeyedContext } = {},
): Promise<readonly Emitted[]> {
  const outputs: CollectedOutput[] = []
  for (const size of [1, values.length]) {
    const keyed = more.keyed?.()
    const driver = await new OperatorDriver(make(), keyed === undefined ? {} : { keyed }).open()
    for (let i = 0; i < values.length; i += size) {
      await driver.push(values.slice(i, i + size), {
        ...(more.timestamps === undefined ? {} : { timestamps: more.timestamps.slice(i, i + size) }),
        ...(more.keys === undefined ? {} : { keys: more.keys.slice(i, i + size) }),
      })
    }
    await driver.end()
    outputs.push(driver.out)
  }
  const [singly, inBulk] = outputs.map((out) => Object.fromEntries(out.byOutput))
  if (JSON.stringify(singly) !== JSON.stringify(inBulk)) {
    throw new Error(`one by one ${JSON.stringify(singly)}, in bulk ${JSON.stringify(inBulk)}`)
  }
  return outputs[1]?.byOutput.get(MAIN_OUTPUT) ?? []
}
