import { MillraceError } from '../errors.ts'
import { INTERVAL_JOIN_STATE, IntervalJoinOperator, type IntervalJoinOptions } from '../operators/interval-join.ts'
import type { JoinFunction, JoinType, LeftOf, RightOf } from '../operators/join-type.ts'
import {
  type AnyTemporalJoinOptions,
  TEMPORAL_JOIN_STATE,
  TemporalJoinOperator,
  type TemporalJoinOptions,
} from '../operators/temporal-join.ts'
import {
  type AnyUnboundedJoinOptions,
  checkUnboundedJoin,
  UnboundedJoinOperator,
  type UnboundedJoinOptions,
  unboundedJoinStates,
} from '../operators/unbounded-join.ts'
import {
  WINDOW_JOIN_STATE,
  type WindowJoinFunction,
  WindowJoinOperator,
  type WindowJoinOptions,
} from '../operators/window-join.ts'
import { windowJoinPlan } from '../operators/window-join-plan.ts'
import type { WindowAssigner } from '../time/window.ts'
import type { JoinedStreams, NodeOptions, PairedStreams, Stream, WindowJoinedStreams } from './streams.ts'
import { edgeFrom, type OperatorSpec, type Origin, type Wiring } from './wiring.ts'

type AnyRowFunction = JoinFunction & WindowJoinFunction
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
    return this.#paired((name, row) => {
      checkUnboundedJoin(name, any)
      const create = () => new UnboundedJoinOperator(name, any, row)
      return { type: 'unboundedJoin', states: unboundedJoinStates(any), create }
    })
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

  window<const Type extends JoinType = 'inner'>(
    assigner: WindowAssigner<A | B>,
    options: WindowJoinOptions<A, B, Type> = {},
  ): WindowJoinedStreams<LeftOf<Type, A>, RightOf<Type, B>> {
    const apply = this.#applied((name, row) => {
      const plan = windowJoinPlan(name, assigner)
      const create = () => new WindowJoinOperator(name, plan, options, row)
      return { type: 'windowJoin', states: [WINDOW_JOIN_STATE], create }
    })
    return { apply: (name, row, nodeOptions) => apply(name, row as AnyRowFunction, nodeOptions) }
  }

  /** Not of the interface: KeyedStream.temporalJoin() comes here. */
  temporal<Version, const Type extends 'inner' | 'left'>(
    options: TemporalJoinOptions<A, B, Version, Type>,
  ): PairedStreams<A, RightOf<Type, Version>> {
    const any = options as AnyTemporalJoinOptions
    return this.#paired((name, row) => ({
      type: 'temporalJoin',
      states: [TEMPORAL_JOIN_STATE],
      create: () => new TemporalJoinOperator(name, any, row),
    }))
  }

  #paired<KeptA, KeptB>(spec: (name: string, row: JoinFunction) => JoinSpec): PairedStreams<KeptA, KeptB> {
    const apply = this.#applied(spec)
    return { apply: (name, row, options) => apply(name, row as AnyRowFunction, options) }
  }

  #applied(spec: (name: string, row: AnyRowFunction) => JoinSpec) {
    return <Out>(name: string, row: AnyRowFunction, options: NodeOptions | undefined): Stream<Out> => {
      const inputs = [edgeFrom(this.#left, name, 0), edgeFrom(this.#right, name, 1)]
      return this.#streamOf(this.#wiring.addOperator({ name, inputs, keyed: true, ...spec(name, row) }, options))
    }
  }
}
