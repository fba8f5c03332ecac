import type { AsyncFunction } from '../contract/async-function.ts'
import type { Operator } from '../contract/operator.ts'
import { declaredStates, needsKey, type OutputTag, type ProcessFunction } from '../contract/process-function.ts'
import type { RichSinkFunction } from '../contract/sink-function.ts'
import type { Partitioner } from '../graph/logical-graph.ts'
import { assertName } from '../graph/names.ts'
import { AssignTimestampsOperator } from '../operators/assign-timestamps.ts'
import { AssignTimestampsAndWatermarksOperator } from '../operators/assign-timestamps-and-watermarks.ts'
import {
  type AsyncLambda,
  AsyncOperator,
  type AsyncOptions,
  asyncFunctionOf,
  checkAsyncOptions,
} from '../operators/async-io.ts'
import { CdcChangesOperator } from '../operators/changelog/cdc-changes.ts'
import { MapChangesOperator } from '../operators/changelog/change-rows.ts'
import { FilterOperator } from '../operators/filter.ts'
import { FlatMapOperator } from '../operators/flat-map.ts'
import type { JoinFunction, RightOf } from '../operators/join-type.ts'
import { KeyByOperator } from '../operators/key-by.ts'
import {
  type AnyLookupJoinOptions,
  checkLookupOptions,
  LookupJoinOperator,
  type LookupJoinOptions,
} from '../operators/lookup-join.ts'
import { MapOperator } from '../operators/map.ts'
import { PassThroughOperator } from '../operators/pass-through.ts'
import { LambdaProcessFunction, type ProcessLambda, ProcessOperator } from '../operators/process.ts'
import { RxOperator, type RxOptions, type RxPipeline } from '../operators/rx.ts'
import { SPLIT_REST, SplitOperator } from '../operators/split.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import type { WindowAssigner } from '../time/window.ts'
import type { Key } from '../util/key-group.ts'
import { addSink } from './add-sink.ts'
import { ChangelogDataStream } from './changelog-data-stream.ts'
import { BroadcastConnectedDataStream } from './connect-broadcast.ts'
import { ConnectedDataStreams } from './connected-data-streams.ts'
import { KeyedDataStream } from './keyed-data-stream.ts'
import type {
  BroadcastConnectedStream,
  ChangelogStream,
  ConnectedStreams,
  ElementOf,
  KeyedStream,
  NodeOptions,
  Stream,
  WindowedStream,
} from './streams.ts'
import { WindowedDataStream } from './windowed-data-stream.ts'
import { bindOrigin, edgeFrom, type Origin, type Wiring } from './wiring.ts'

/** The one implementation of Stream: an output of a node, and how the next node is to read it. */
export class DataStream<T> implements Stream<T> {
  readonly #wiring: Wiring
  readonly #origin: Origin

  constructor(wiring: Wiring, origin: Origin) {
    this.#wiring = wiring
    this.#origin = origin
    bindOrigin(this, origin)
  }

  map<Out>(name: string, fn: (value: T) => Out, options?: NodeOptions): Stream<Out> {
    return this.#next(name, 'map', () => new MapOperator(name, fn), options)
  }

  filter<Out extends T>(name: string, predicate: (value: T) => boolean, options?: NodeOptions): Stream<Out> {
    return this.#next(name, 'filter', () => new FilterOperator(name, predicate), options)
  }

  flatMap<Out>(name: string, fn: (value: T) => Iterable<Out>, options?: NodeOptions): Stream<Out> {
    return this.#next(name, 'flatMap', () => new FlatMapOperator(name, fn), options)
  }

  keyBy<const K extends Key>(name: string, selector: (value: T) => K, options?: NodeOptions): KeyedStream<K, T> {
    const spec = {
      name,
      type: 'keyBy',
      create: () => new KeyByOperator(name, selector),
      inputs: [edgeFrom(this, name)],
    }
    const origin = this.#wiring.addOperator(spec, options)
    return new KeyedDataStream<K, T>(this.#wiring, { ...origin, partitioner: 'hash' }, this.#streamOf)
  }

  process<Out>(
    name: string,
    fn: FunctionOrFactory<ProcessFunction<T, Out>> | ProcessLambda<T, Out>,
    options?: NodeOptions,
  ): Stream<Out> {
    // Made once here as well, so that what is no function is refused where it is written, and what needs a key when the graph is checked.
    const sample = processFunctionOf(name, fn)
    const spec = {
      name,
      type: 'process',
      create: () => new ProcessOperator(name, processFunctionOf(name, fn)),
      inputs: [edgeFrom(this, name)],
      keyed: needsKey(sample),
      states: declaredStates(sample),
      unionState: true,
    }
    return this.#streamOf(this.#wiring.addOperator(spec, options))
  }

  union<Others extends readonly Stream<unknown>[]>(
    name: string,
    ...others: Others
  ): Stream<T | ElementOf<Others[number]>> {
    const inputs = [this, ...others].map((stream) => edgeFrom(stream, name))
    const spec = { name, type: 'union', create: () => new PassThroughOperator(), inputs }
    return this.#streamOf(this.#wiring.addOperator(spec, undefined))
  }

  connect<Other>(other: Stream<Other>): ConnectedStreams<never, T, Other> {
    return new ConnectedDataStreams<never, T, Other>(this.#wiring, this, other, false, this.#streamOf)
  }

  connectBroadcast<Broadcast>(broadcast: Stream<Broadcast>): BroadcastConnectedStream<T, Broadcast> {
    const inputs = { stream: this, broadcast, keyed: false }
    return new BroadcastConnectedDataStream(this.#wiring, inputs, this.#streamOf)
  }

  orderedAsync<Out>(
    name: string,
    fn: FunctionOrFactory<AsyncFunction<T, Out>> | AsyncLambda<T, Out>,
    options: NodeOptions & AsyncOptions<T, Out> = {},
  ): Stream<Out> {
    return this.#async(name, fn, 'ordered', options)
  }

  unorderedAsync<Out>(
    name: string,
    fn: FunctionOrFactory<AsyncFunction<T, Out>> | AsyncLambda<T, Out>,
    options: NodeOptions & AsyncOptions<T, Out> = {},
  ): Stream<Out> {
    return this.#async(name, fn, 'unordered', options)
  }

  lookupJoin<const K extends Key, Row, Out, const Type extends 'inner' | 'left' = 'inner'>(
    name: string,
    options: NodeOptions & LookupJoinOptions<T, K, Row, Type>,
    row: (value: T, row: RightOf<Type, Row>) => Out,
  ): Stream<Out> {
    const any = options as unknown as AnyLookupJoinOptions
    checkLookupOptions(name, any)
    return this.#next(name, 'lookupJoin', () => new LookupJoinOperator(name, any, row as JoinFunction), options)
  }

  split<Yes extends T>(
    name: string,
    predicate: (value: T) => boolean,
    options?: NodeOptions,
  ): [Stream<Yes>, Stream<Exclude<T, Yes>>] {
    const yes = this.#next<Yes>(name, 'split', () => new SplitOperator(name, predicate), options)
    return [yes, this.#streamOf({ node: name, output: SPLIT_REST, partitioner: 'forward' })]
  }

  side<Side>(tag: OutputTag<Side>): Stream<Side> {
    assertName(tag.name, `a side output of node "${this.#origin.node}"`)
    return this.#streamOf({ ...this.#origin, output: tag.name })
  }

  broadcast(): Stream<T> {
    return this.#partitioned('broadcast')
  }

  rebalance(): Stream<T> {
    return this.#partitioned('rebalance')
  }

  rx<Out>(name: string, pipeline: RxPipeline<T, Out>, options: NodeOptions & RxOptions = {}): Stream<Out> {
    return this.#next(name, 'rx', () => new RxOperator(name, pipeline, options), options)
  }

  assignTimestamps(name: string, timestampOf: (value: T) => number, options?: NodeOptions): Stream<T> {
    return this.#next(name, 'assignTimestamps', () => new AssignTimestampsOperator(name, timestampOf), options)
  }

  assignTimestampsAndWatermarks(name: string, strategy: WatermarkStrategy<T>, options?: NodeOptions): Stream<T> {
    const create = (): Operator => new AssignTimestampsAndWatermarksOperator(name, strategy)
    // Made once here as well, so that what it refuses is refused where it is written.
    create()
    return this.#next(name, 'assignTimestampsAndWatermarks', create, options)
  }

  toChangelog(): ChangelogStream<T> {
    return new ChangelogDataStream<T>(this.#wiring, this.#origin, 'append', this.#streamOf)
  }

  rowChangesToChangelog<Row>(name: string, options?: NodeOptions): ChangelogStream<Row> {
    return this.#changelog(name, 'rowChanges', () => new MapChangesOperator(name, (row) => row), options)
  }

  cdcToChangelog<Row>(name: string, options?: NodeOptions): ChangelogStream<Row> {
    return this.#changelog(name, 'cdc', () => new CdcChangesOperator<Row>(name), options)
  }

  windowAll(assigner: WindowAssigner<T>): WindowedStream<'', T> {
    const input = (name: string): object => this.keyBy(`${name}-all`, () => '' as const)
    return new WindowedDataStream<'', T>(
      { wiring: this.#wiring, input, streamOf: this.#streamOf, single: true },
      { assigner },
    )
  }

  to(name: string, sink: FunctionOrFactory<RichSinkFunction<T>>, options?: NodeOptions): void {
    addSink(this.#wiring, name, sink, edgeFrom(this, name), options)
  }

  #async<Out>(
    name: string,
    fn: FunctionOrFactory<AsyncFunction<T, Out>> | AsyncLambda<T, Out>,
    order: 'ordered' | 'unordered',
    options: NodeOptions & AsyncOptions<T, Out>,
  ): Stream<Out> {
    checkAsyncOptions(name, options)
    // Made once here as well, so that what is no function is refused where it is written.
    asyncFunctionOf(name, fn)
    const create = (): Operator => new AsyncOperator(name, asyncFunctionOf(name, fn), order, options)
    return this.#next(name, `${order}Async`, create, options)
  }

  #next<Out>(name: string, type: string, create: () => Operator, options: NodeOptions | undefined): Stream<Out> {
    return this.#streamOf(this.#wiring.addOperator({ name, type, create, inputs: [edgeFrom(this, name)] }, options))
  }

  #changelog<Row>(
    name: string,
    type: string,
    create: () => Operator,
    options: NodeOptions | undefined,
  ): ChangelogStream<Row> {
    const origin = this.#wiring.addOperator({ name, type, create, inputs: [edgeFrom(this, name)] }, options)
    return new ChangelogDataStream<Row>(this.#wiring, origin, 'retract', this.#streamOf)
  }

  #partitioned(partitioner: Partitioner): Stream<T> {
    return this.#streamOf({ ...this.#origin, partitioner })
  }

  readonly #streamOf = <Out>(origin: Origin): Stream<Out> => new DataStream<Out>(this.#wiring, origin)
}

/** A lambda takes the record; a function without parameters is a factory; the rest are objects. */
function processFunctionOf<In, Out>(
  node: string,
  given: FunctionOrFactory<ProcessFunction<In, Out>> | ProcessLambda<In, Out>,
): ProcessFunction<In, Out> {
  if (typeof given === 'function' && given.length > 0) return new LambdaProcessFunction(given as ProcessLambda<In, Out>)
  return instanceOf(node, given as FunctionOrFactory<ProcessFunction<In, Out>>)
}
