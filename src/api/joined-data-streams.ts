import { MillraceError } from '../errors.ts'
import { INTERVAL_JOIN_STATE, IntervalJoinOperator, type IntervalJoinOptions } from '../operators/interval-join.ts'
import type { JoinFunction, JoinType, LeftOf, RightOf } from '../operators/join-type.ts'
import {
  type AnyUnboundedJoinOptions,
  UnboundedJoinOperator,
  type UnboundedJoinOptions,
  unboundedJoinStates,
} from '../operators/unbounded-join.ts'
import type { JoinedStreams, NodeOptions, PairedStreams, Stream } from './streams.ts'
import { edgeFrom, type OperatorSpec, type Origin, type Wiring } from './wiring.ts'

type JoinSpec = Pick<OperatorSpec, 'type' | 'states' | 'create'>

/** The one implementation of JoinedStreams: two keyed streams that a join is about to read. */
export class JoinedDataStreams<A, B> implements JoinedStreams<A, B> {
  readonly #wiring: Wiring
  readonly #left: object
  readonly #right: object
  readonly #streamOf: <Out>(origin: Origin) => Stream<Out>

  constructor(wiring: Wiring, left: object, right: object, streamOf: <Out>(origin: Origin) => Stream<Out>) {
    this.#wiring = wiring
    this.#left = left
    this.#right = right
    this.#streamOf = streamOf
  }

  unbounded<KeptA = A, KeptB = B>(options: UnboundedJoinOptions<A, B, KeptA, KeptB> = {}): PairedStreams<KeptA, KeptB> {
    const any = options as AnyUnboundedJoinOptions
    return this.#paired((name, row) => ({
      type: 'unboundedJoin',
      states: unboundedJoinStates(any),
      create: () => new UnboundedJoinOperator(name, any, row),
    }))
  }

  between<const Type extends JoinType = 'inner'>(
    lowerMs: number,
    upperMs: number,
    options: IntervalJoinOptions<A, B, Type> = {},
  ): PairedStreams<LeftOf<Type, A>, RightOf<Type, B>> {
    return this.#paired((name, row) => {
      if (!(lowerMs <= upperMs)) {
        const what = `an interval from ${lowerMs} to ${upperMs} ms`
        throw new MillraceError('GRAPH_BAD_FUNCTION', {
          node: name,
          what,
          expected: 'a lower bound that is not above the upper',
        })
      }
      const create = () => new IntervalJoinOperator(name, { lowerMs, upperMs, options }, row)
      return { type: 'intervalJoin', states: [INTERVAL_JOIN_STATE], create }
    })
  }

  #paired<KeptA, KeptB>(spec: (name: string, row: JoinFunction) => JoinSpec): PairedStreams<KeptA, KeptB> {
    const apply = <Out>(name: string, row: (left: KeptA, right: KeptB) => Out, options?: NodeOptions): Stream<Out> => {
      const inputs = [edgeFrom(this.#left, name, 0), edgeFrom(this.#right, name, 1)]
      const node = { name, inputs, keyed: true, ...spec(name, row as JoinFunction) }
      return this.#streamOf(this.#wiring.addOperator(node, options))
    }
    return { apply }
  }
}
