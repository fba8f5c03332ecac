import { type CoProcessFunction, declaredStates } from '../contract/process-function.ts'
import { CoProcessOperator } from '../operators/co-process.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { Key } from '../util/key-group.ts'
import type { ConnectedStreams, NodeOptions, Stream } from './streams.ts'
import { edgeFrom, type Origin, type Wiring } from './wiring.ts'

/** The one implementation of ConnectedStreams: two streams that a two-input node is about to read. */
export class ConnectedDataStreams<K extends Key, A, B> implements ConnectedStreams<K, A, B> {
  readonly #wiring: Wiring
  readonly #first: object
  readonly #second: object
  readonly #keyed: boolean
  readonly #streamOf: <Out>(origin: Origin) => Stream<Out>

  constructor(
    wiring: Wiring,
    first: object,
    second: object,
    keyed: boolean,
    streamOf: <Out>(origin: Origin) => Stream<Out>,
  ) {
    this.#wiring = wiring
    this.#first = first
    this.#second = second
    this.#keyed = keyed
    this.#streamOf = streamOf
  }

  process<Out>(
    name: string,
    fn: FunctionOrFactory<CoProcessFunction<K, A, B, Out>>,
    options?: NodeOptions,
  ): Stream<Out> {
    const spec = {
      name,
      type: 'coProcess',
      create: () => new CoProcessOperator(name, instanceOf(name, fn)),
      inputs: [edgeFrom(this.#first, name, 0), edgeFrom(this.#second, name, 1)],
      keyed: this.#keyed,
      states: declaredStates(instanceOf(name, fn)),
    }
    return this.#streamOf(this.#wiring.addOperator(spec, options))
  }
}
