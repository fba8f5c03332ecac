import { declaredStates, type KeyedProcessFunction } from '../contract/process-function.ts'
import type { RichSinkFunction } from '../contract/sink-function.ts'
import type { AggregateFunction, StateDescriptor, StateOptions } from '../contract/state.ts'
import { AggregateOperator } from '../operators/aggregate.ts'
import type { RightOf } from '../operators/join-type.ts'
import { KeyedProcessOperator } from '../operators/keyed-process.ts'
import { reduction } from '../operators/reduce.ts'
import type { TemporalJoinOptions } from '../operators/temporal-join.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { WindowAssigner } from '../time/window.ts'
import type { Key } from '../util/key-group.ts'
import { addSink } from './add-sink.ts'
import { BroadcastConnectedDataStream } from './connect-broadcast.ts'
import { ConnectedDataStreams } from './connected-data-streams.ts'
import { JoinedDataStreams } from './joined-data-streams.ts'
import type {
  ConnectedStreams,
  JoinedStreams,
  KeyedBroadcastConnectedStream,
  KeyedNodeOptions,
  KeyedStream,
  NodeOptions,
  PairedStreams,
  Stream,
  WindowedStream,
} from './streams.ts'
import { WindowedDataStream, type WindowInput } from './windowed-data-stream.ts'
import { bindOrigin, edgeFrom, type Origin, type Wiring } from './wiring.ts'

/** The one implementation of KeyedStream: the output of a keyBy, read by hash of its keys. */
export class KeyedDataStream<K extends Key, T> implements KeyedStream<K, T> {
  readonly #wiring: Wiring
  readonly #streamOf: <Out>(origin: Origin) => Stream<Out>

  /** `streamOf` makes the streams that come out: passed in, for data-stream.ts imports this file. */
  constructor(wiring: Wiring, origin: Origin, streamOf: <Out>(origin: Origin) => Stream<Out>) {
    this.#wiring = wiring
    this.#streamOf = streamOf
    bindOrigin(this, origin)
  }

  process<Out>(
    name: string,
    fn: FunctionOrFactory<KeyedProcessFunction<K, T, Out>>,
    options?: NodeOptions,
  ): Stream<Out> {
    const spec = {
      name,
      type: 'process',
      create: () => new KeyedProcessOperator(name, instanceOf(name, fn)),
      inputs: [edgeFrom(this, name)],
      keyed: true,
      states: declaredStates(instanceOf(name, fn)),
    }
    return this.#streamOf(this.#wiring.addOperator(spec, options))
  }

  reduce(name: string, fn: (total: T, value: T) => T, options?: KeyedNodeOptions<T>): Stream<T> {
    return this.#aggregation(name, 'reduce', reduction(fn), options)
  }

  aggregate<Acc, Out>(name: string, fn: AggregateFunction<T, Acc, Out>, options?: KeyedNodeOptions<Acc>): Stream<Out> {
    return this.#aggregation(name, 'aggregate', fn, options)
  }

  join<Other>(other: KeyedStream<K, Other>): JoinedStreams<T, Other> {
    return new JoinedDataStreams<T, Other>(this.#wiring, this, other, this.#streamOf)
  }

  temporalJoin<Other, Version = Other, const Type extends 'inner' | 'left' = 'inner'>(
    versions: KeyedStream<K, Other>,
    options: TemporalJoinOptions<T, Other, Version, Type> = {},
  ): PairedStreams<T, RightOf<Type, Version>> {
    return new JoinedDataStreams<T, Other>(this.#wiring, this, versions, this.#streamOf).temporal(options)
  }

  connectBroadcast<Broadcast>(broadcast: Stream<Broadcast>): KeyedBroadcastConnectedStream<K, T, Broadcast> {
    const inputs = { stream: this, broadcast, keyed: true }
    return new BroadcastConnectedDataStream(this.#wiring, inputs, this.#streamOf)
  }

  connect<Other>(other: KeyedStream<K, Other>): ConnectedStreams<K, T, Other> {
    return new ConnectedDataStreams<K, T, Other>(this.#wiring, this, other, true, this.#streamOf)
  }

  window(assigner: WindowAssigner<T>): WindowedStream<K, T> {
    return new WindowedDataStream<K, T>(this.#windowInput, { assigner })
  }

  countWindow(size: number, slide = size): WindowedStream<K, T> {
    return new WindowedDataStream<K, T>(this.#windowInput, { assigner: { kind: 'count', size, slide } })
  }

  get #windowInput(): WindowInput {
    return { wiring: this.#wiring, input: () => this, streamOf: this.#streamOf, single: false }
  }

  to(name: string, sink: FunctionOrFactory<RichSinkFunction<T>>, options?: NodeOptions): void {
    addSink(this.#wiring, name, sink, edgeFrom(this, name), options)
  }

  #aggregation<Acc, Out>(
    name: string,
    type: string,
    fn: AggregateFunction<T, Acc, Out>,
    options: KeyedNodeOptions<Acc> | undefined,
  ): Stream<Out> {
    const state: StateDescriptor = {
      name: 'total',
      kind: 'value',
      options: (options?.state ?? {}) as StateOptions<unknown>,
    }
    const spec = {
      name,
      type,
      create: () => new AggregateOperator(name, state, fn),
      inputs: [edgeFrom(this, name)],
      keyed: true,
      states: [state],
    }
    return this.#streamOf(this.#wiring.addOperator(spec, options))
  }
}
