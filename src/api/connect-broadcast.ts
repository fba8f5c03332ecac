import { declaredStates } from '../contract/process-function.ts'
import { type AnyBroadcastFunction, BroadcastProcessOperator } from '../operators/broadcast-process.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { NodeOptions, Stream } from './streams.ts'
import { edgeFrom, type Origin, type Wiring } from './wiring.ts'

/** The streams that a node with broadcast state reads. */
export interface BroadcastInputs {
  readonly stream: object
  readonly broadcast: object
  readonly keyed: boolean
}

/** Both kinds of broadcast-connected streams: what they differ in is said by their interfaces only. */
export class BroadcastConnectedDataStream {
  readonly #wiring: Wiring
  readonly #inputs: BroadcastInputs
  readonly #streamOf: <Out>(origin: Origin) => Stream<Out>

  constructor(wiring: Wiring, inputs: BroadcastInputs, streamOf: <Out>(origin: Origin) => Stream<Out>) {
    this.#wiring = wiring
    this.#inputs = inputs
    this.#streamOf = streamOf
  }

  process<Out>(name: string, given: FunctionOrFactory<object>, options?: NodeOptions): Stream<Out> {
    const fn = given as FunctionOrFactory<AnyBroadcastFunction>
    const { stream, broadcast, keyed } = this.#inputs
    const spec = {
      name,
      type: 'broadcastProcess',
      create: () => new BroadcastProcessOperator(name, instanceOf(name, fn)),
      inputs: [edgeFrom(stream, name, 0), { ...edgeFrom(broadcast, name, 1), partitioner: 'broadcast' as const }],
      keyed,
      states: declaredStates(instanceOf(name, fn)),
    }
    return this.#streamOf(this.#wiring.addOperator(spec, options))
  }
}
