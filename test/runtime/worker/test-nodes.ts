// Small sources, operators and sinks written against the contracts alone.

import { MAIN_OUTPUT, type Operator, type OperatorContext } from '../../../src/contract/operator.ts'
import type { RuntimeContext } from '../../../src/contract/runtime-context.ts'
import {
  AppendSinkFunction,
  EpochSinkFunction,
  type RichSinkFunction,
  UpsertSinkFunction,
} from '../../../src/contract/sink-function.ts'
import {
  type EnumeratorContext,
  type Polled,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
} from '../../../src/contract/source-function.ts'
import type { MapState, ValueState } from '../../../src/contract/state.ts'
import type {
  Edge,
  GraphNode,
  LogicalGraph,
  OperatorNode,
  Partitioner,
  SinkNode,
  SourceNode,
} from '../../../src/graph/logical-graph.ts'
import { batchOf } from '../../../src/record/batch.ts'
import type { Key } from '../../../src/util/key-group.ts'

export interface RangeSplit extends SourceSplit {
  readonly next: number
  readonly end: number
}

/** Numbers of a few ranges, each range a split, handed out on request; the enumerator counts what it gave in its state. */
export class RangeSource extends SourceFunction<number, RangeSplit> {
  readonly boundedness = 'bounded'
  readonly #ranges: readonly (readonly [number, number])[]
  readonly #options: { readonly batch?: number; readonly upTo?: () => number }

  /** `upTo`: numbers from there on are not there yet. */
  constructor(
    ranges: readonly (readonly [number, number])[],
    options: { readonly batch?: number; readonly upTo?: () => number } = {},
  ) {
    super()
    this.#ranges = ranges
    this.#options = options
  }

  createEnumerator(context: EnumeratorContext<RangeSplit>): SplitEnumerator {
    let given: MapState<number, boolean>
    const ranges = this.#ranges
    return {
      start() {
        given = context.state.register({ name: 'given', kind: 'map', options: {} }) as unknown as MapState<
          number,
          boolean
        >
      },
      onSplitRequest(subtask) {
        context.state.setCurrentKey('all')
        const i = ranges.findIndex((_, index) => !given.has(index))
        if (i === -1) return context.noMoreSplits(subtask)
        given.set(i, true)
        const [next, end] = ranges[i] as readonly [number, number]
        context.assign(subtask, [{ id: `range-${i}`, next, end }])
      },
      snapshot: () => ({ ranges: ranges.length }),
    }
  }

  createReader(context: ReaderContext): SourceReader<number, RangeSplit> {
    const splits: { id: string; next: number; end: number }[] = []
    let over = false
    let wake: (() => void) | undefined
    let timer: NodeJS.Timeout | undefined
    const size = this.#options.batch ?? 1000
    const upTo = this.#options.upTo ?? (() => Number.POSITIVE_INFINITY)
    return {
      addSplits(added) {
        splits.push(...added.map((split) => ({ ...split })))
        wake?.()
      },
      noMoreSplits() {
        over = true
        wake?.()
      },
      poll(): Polled<number> {
        const split = splits[0]
        if (split === undefined) return over ? 'end' : 'idle'
        if (split.next >= upTo()) return 'idle'
        const to = Math.min(split.end, split.next + size)
        const values = Array.from({ length: to - split.next }, (_, i) => split.next + i)
        split.next = to
        if (split.next >= split.end) {
          splits.shift()
          if (splits.length === 0) context.requestSplit()
        }
        return batchOf(values)
      },
      available: () =>
        new Promise<void>((resolve) => {
          wake = resolve
          if (splits.length > 0) timer = setTimeout(resolve, 1)
        }),
      snapshot: () => splits.map((split) => ({ ...split })),
      close() {
        clearTimeout(timer)
        wake?.()
      },
    }
  }
}

export function mapping(fn: (value: number) => unknown): Operator {
  return {
    process(batch, out) {
      out.batch(
        batchOf(
          batch.values.map((value) => fn(value as number)),
          batch.timestamps,
          batch.keys,
        ),
      )
    },
  }
}

export function keying(keyOf: (value: number) => Key): Operator {
  return {
    process(batch, out) {
      out.batch(
        batchOf(
          batch.values,
          batch.timestamps,
          batch.values.map((value) => keyOf(value as number)),
        ),
      )
    },
  }
}

/** Emits [key, how many so far] for every record. */
export class CountPerKey implements Operator {
  #context: OperatorContext | undefined
  #count: ValueState<number> | undefined

  open(context: OperatorContext): void {
    this.#context = context
    this.#count = context.keyed?.register({ name: 'count', kind: 'value', options: {} }) as ValueState<number>
  }

  process(...[batch, out]: Parameters<Operator['process']>): void {
    for (const key of batch.keys ?? []) {
      this.#context?.keyed?.setCurrentKey(key)
      const count = (this.#count?.get() ?? 0) + 1
      this.#count?.set(count)
      out.emit([key, count], undefined)
    }
  }
}

/** Keeps what it got in an array that outlives it, as a target would. */
export class ArrayUpsertSink extends UpsertSinkFunction<unknown> {
  readonly #target: unknown[]
  readonly closed: { count: number }

  constructor(target: unknown[], closed = { count: 0 }) {
    super()
    this.#target = target
    this.closed = closed
  }

  write(records: readonly unknown[]): void {
    this.#target.push(...records)
  }

  flush(): void {}

  override close(): void {
    this.closed.count += 1
  }
}

/** A transactional target in memory. */
export class MemoryTarget {
  readonly rows: unknown[] = []
  readonly epochs = new Map<string, number>()
  applied = 0
  failNext = false
  /** apply() waits for it. */
  away: Promise<void> = Promise.resolve()
}

export class MemoryEpochSink extends EpochSinkFunction<unknown> {
  readonly #target: MemoryTarget

  constructor(target: MemoryTarget) {
    super()
    this.#target = target
  }

  lastEpoch(writer: string): number {
    return this.#target.epochs.get(writer) ?? -1
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly unknown[]>): Promise<void> {
    const rows: unknown[] = []
    for await (const batch of batches) rows.push(...batch)
    await this.#target.away
    if (this.#target.failNext) {
      this.#target.failNext = false
      throw new Error('target is away')
    }
    this.#target.rows.push(...rows)
    this.#target.epochs.set(writer, epoch)
    this.#target.applied += 1
  }
}

/** Parts in memory: `hidden` by name until published. */
export class MemoryParts {
  readonly hidden = new Map<string, unknown[]>()
  readonly published = new Map<string, unknown[]>()
  readonly calls: string[] = []
}

export class MemoryAppendSink extends AppendSinkFunction<unknown> {
  readonly #parts: MemoryParts
  #open: unknown[] = []

  constructor(parts: MemoryParts) {
    super()
    this.#parts = parts
  }

  restore(states: readonly unknown[], checkpoint: number | undefined): void {
    this.#parts.calls.push(`restore ${JSON.stringify(states)} ${checkpoint}`)
  }

  write(records: readonly unknown[]): void {
    this.#open.push(...records)
  }

  prepare(epoch: number): { state: unknown; commit: unknown } {
    const name = `part-${epoch}`
    this.#parts.hidden.set(name, this.#open)
    this.#open = []
    return { state: { last: name }, commit: name }
  }

  commit(name: unknown): void {
    this.#parts.calls.push(`commit ${String(name)}`)
    const rows = this.#parts.hidden.get(String(name))
    if (rows !== undefined) this.#parts.published.set(String(name), rows)
    this.#parts.hidden.delete(String(name))
  }
}

export function sourceNode(name: string, create: () => SourceFunction<unknown>, parallelism?: number): SourceNode {
  return {
    kind: 'source',
    name,
    type: 'test',
    parallelism,
    inputs: [],
    create,
    boundedness: 'bounded',
    replayable: true,
  }
}

export function edge(from: string, partitioner: Partitioner = 'forward', more: Partial<Edge> = {}): Edge {
  return { from, output: MAIN_OUTPUT, partitioner, input: 0, ...more }
}

export function operatorNode(
  name: string,
  inputs: readonly Edge[],
  create: () => Operator,
  more: Partial<OperatorNode> = {},
): OperatorNode {
  return {
    kind: 'operator',
    name,
    type: 'test',
    parallelism: undefined,
    inputs,
    create,
    keyed: false,
    states: [],
    ...more,
  }
}

export function sinkNode(
  name: string,
  inputs: readonly Edge[],
  create: () => RichSinkFunction<unknown>,
  parallelism?: number,
): SinkNode {
  return { kind: 'sink', name, type: 'test', parallelism, inputs, create, guarantee: 'exactly-once' }
}

export function graphOf(...nodes: GraphNode[]): LogicalGraph {
  return { job: 'test', nodes }
}

/** Counts what comes as a metric, for sinks in other threads. */
export class CounterSink extends UpsertSinkFunction<unknown> {
  #count: ((n: number) => void) | undefined

  override open(context: RuntimeContext): void {
    const counter = context.metrics.counter('rows')
    this.#count = (n) => counter.add(n)
  }

  write(records: readonly unknown[]): void {
    this.#count?.(records.length)
  }

  flush(): void {}
}
