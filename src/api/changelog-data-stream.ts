import type { Operator } from '../contract/operator.ts'
import type { AggregateFunction } from '../contract/state.ts'
import { MillraceError } from '../errors.ts'
import {
  FilterChangesOperator,
  FlatMapChangesOperator,
  MapChangesOperator,
} from '../operators/changelog/change-rows.ts'
import { DistinctOperator } from '../operators/changelog/distinct.ts'
import { GroupAggregateOperator } from '../operators/changelog/group-aggregate.ts'
import { JoinOperator, type JoinSpec, joinGrows } from '../operators/changelog/join.ts'
import { sideState } from '../operators/changelog/join-side.ts'
import { KeyRowsOperator, type NullKeys } from '../operators/changelog/key-rows.ts'
import { TABLE_STATE } from '../operators/changelog/keyed-table.ts'
import { FinalBagOperator, FinalRowsOperator, UpsertsOperator } from '../operators/changelog/live-rows.ts'
import type {
  ChangelogJoinOptions,
  DeduplicateOptions,
  MaterialiseOptions,
  RankedTopNOptions,
  TopNOptions,
} from '../operators/changelog/options.ts'
import { type ChangelogMode, rowChange } from '../operators/changelog/row-changes.ts'
import type { RowKey } from '../operators/changelog/row-key.ts'
import { RetractingTopNOperator, TopNOperator, type TopNSpec } from '../operators/changelog/top-n.ts'
import { FirstRowOperator, TopOneOperator } from '../operators/changelog/top-one.ts'
import { FilterOperator } from '../operators/filter.ts'
import { FlatMapOperator } from '../operators/flat-map.ts'
import { type JoinType, keepsLeft, keepsRight } from '../operators/join-type.ts'
import { MapOperator } from '../operators/map.ts'
import { PassThroughOperator } from '../operators/pass-through.ts'
import type { Change } from '../record/change.ts'
import type { RowChange } from '../record/row-change.ts'
import { canonicalText } from '../util/canonical-text.ts'
import type { ChangelogStream, GroupedChangelog, NodeOptions, Stream } from './streams.ts'
import { bindOrigin, edgeFrom, type Origin, type Wiring } from './wiring.ts'

type StreamOf = <Out>(origin: Origin) => Stream<Out>

/**
 * The one implementation of ChangelogStream: an output of a node. Of a table that only grows (`append`) the records are the rows
 * themselves, which spares an object for each; otherwise they are RowChanges.
 */
export class ChangelogDataStream<T> implements ChangelogStream<T> {
  readonly #wiring: Wiring
  readonly #mode: ChangelogMode
  readonly #streamOf: StreamOf

  /** `streamOf` makes the streams that come out: passed in, for data-stream.ts imports this file. */
  constructor(wiring: Wiring, origin: Origin, mode: ChangelogMode, streamOf: StreamOf) {
    this.#wiring = wiring
    this.#mode = mode
    this.#streamOf = streamOf
    bindOrigin(this, origin)
  }

  map<Out>(name: string, fn: (row: T) => Out, options?: NodeOptions): ChangelogStream<Out> {
    const create = this.#appends ? () => new MapOperator(name, fn) : () => new MapChangesOperator(name, fn)
    return this.#table(this.#node(name, 'map', create, options), this.#mode)
  }

  filter<Out extends T>(name: string, predicate: (row: T) => boolean, options?: NodeOptions): ChangelogStream<Out> {
    const create = this.#appends
      ? () => new FilterOperator(name, predicate)
      : () => new FilterChangesOperator(name, predicate)
    return this.#table(this.#node(name, 'filter', create, options), this.#mode)
  }

  flatMap<Out>(name: string, fn: (row: T) => Iterable<Out>, options?: NodeOptions): ChangelogStream<Out> {
    const create = this.#appends ? () => new FlatMapOperator(name, fn) : () => new FlatMapChangesOperator(name, fn)
    return this.#table(this.#node(name, 'flatMap', create, options), this.#mode)
  }

  union(name: string, ...others: readonly ChangelogStream<T>[]): ChangelogStream<T> {
    const tables = [this, ...others].map((other) => tableOf<T>(name, other))
    const mode = tables.every((table) => table.#appends) ? 'append' : 'retract'
    const inputs = tables.map((table, index) => {
      const wraps = mode === 'retract' && table.#appends
      return edgeFrom(wraps ? table.changes(`${name}.rows-${index + 1}`) : table, name)
    })
    const create = (): Operator => new PassThroughOperator()
    return this.#table(this.#wiring.addOperator({ name, type: 'union', create, inputs }, undefined), mode)
  }

  distinct(name: string, options?: NodeOptions): ChangelogStream<T> {
    const keyed = this.#keyed(name, canonicalText, options)
    if (this.#appends) return keyed('distinct', () => new FirstRowOperator<T>(name), 'append')
    return keyed('distinct', () => new DistinctOperator<T>(name), 'retract')
  }

  groupBy<const K extends RowKey>(name: string, key: (row: T) => K, options?: NodeOptions): GroupedChangelog<K, T> {
    const keys = this.#keys(name, key, 'group', options)
    const mode = this.#mode
    return {
      aggregate: <Result, Out>(
        node: string,
        fn: AggregateFunction<T, unknown, Result>,
        row: (key: K, result: Result) => Out,
        nodeOptions?: NodeOptions,
      ) => {
        const aggregation = { mode, key, fn, row }
        // Made once here as well, so that a function that cannot take rows back is refused where it is given.
        new GroupAggregateOperator(node, aggregation)
        const create = (): Operator => new GroupAggregateOperator(node, aggregation)
        return this.#table<Out>(
          this.#keyedNode({ name: node, type: 'aggregate', create, keys }, nodeOptions),
          'retract',
        )
      },
    }
  }

  deduplicate(name: string, key: (row: T) => RowKey, options: DeduplicateOptions<T> & NodeOptions): ChangelogStream<T> {
    const { keep, orderBy } = options
    const first = keep === 'first'
    const keyed = this.#keyed(name, key, options)
    if (this.#appends && first && orderBy === undefined)
      return keyed('deduplicate', () => new FirstRowOperator<T>(name), 'append')
    const order = orderBy ?? ((): number => 0)
    if (this.#appends) {
      const wins = first ? (row: T, kept: T) => order(row, kept) < 0 : (row: T, kept: T) => order(row, kept) >= 0
      return keyed('deduplicate', () => new TopOneOperator(name, wins), 'retract')
    }
    const spec: TopNSpec<T, T> = { n: 1, order: first ? order : (a, b) => -order(a, b), latestFirst: !first }
    return keyed('deduplicate', () => new RetractingTopNOperator(name, spec), 'retract')
  }

  topN<Out>(
    name: string,
    options: TopNOptions<T> & Partial<RankedTopNOptions<T, Out>> & NodeOptions,
  ): ChangelogStream<Out> {
    const { key, n, orderBy: order, rank } = options
    if (!Number.isSafeInteger(n) || n < 1)
      throw new MillraceError('GRAPH_BAD_FUNCTION', { node: name, what: `n = ${n}`, expected: 'a whole number from 1' })
    const keyed = this.#keyed(name, key, options)
    const wins = (row: T, kept: T): boolean => order(row, kept) < 0
    const create = (): Operator => {
      if (!this.#appends) return new RetractingTopNOperator<T, Out>(name, { n, order, rank })
      if (n === 1 && rank === undefined) return new TopOneOperator<T>(name, wins)
      return new TopNOperator<T, Out>(name, { n, order, rank })
    }
    return keyed('topN', create, 'retract')
  }

  join<R, Out, Type extends JoinType = 'inner'>(
    name: string,
    right: ChangelogStream<R>,
    options: ChangelogJoinOptions<T, R, Out, Type> & NodeOptions,
  ): ChangelogStream<Out> {
    const { type = 'inner', leftKey, rightKey, on, unique, row } = options
    const other = tableOf<R>(name, right)
    const spec = {
      left: { mode: this.#mode, outer: keepsLeft(type), unique: unique === 'both' || unique === 'left' },
      right: { mode: other.#mode, outer: keepsRight(type), unique: unique === 'both' || unique === 'right' },
      on,
      // That each row is there where its type says so follows from the type of the join.
      row: row as JoinSpec<T, R, Out>['row'],
    }
    const lefts = this.#keys(`${name}.left`, leftKey, spec.left.outer ? 'apart' : 'drop', options)
    const rights = other.#keys(`${name}.right`, rightKey, spec.right.outer ? 'apart' : 'drop', options)
    const node = {
      name,
      type: 'join',
      create: () => new JoinOperator(name, spec),
      inputs: [
        { ...lefts, input: 0 },
        { ...rights, input: 1 },
      ].map(({ node: from, output, partitioner, input }) => ({ from, output, partitioner, input })),
      keyed: true,
      states: [sideState('left', spec.left), sideState('right', spec.right)],
    }
    const grows = joinGrows(spec as unknown as JoinSpec<never, never, unknown>)
    return this.#table(this.#wiring.addOperator(node, options), grows ? 'append' : 'retract')
  }

  changes(name: string, options?: NodeOptions): Stream<RowChange<T>> {
    const create = this.#appends
      ? () => new MapOperator(name, (row: T) => rowChange('+I', row))
      : () => new PassThroughOperator()
    return this.#streamOf(this.#node(name, 'changes', create, options))
  }

  toUpserts(name: string, key: (row: T) => readonly RowKey[], options?: NodeOptions): Stream<Change<T>> {
    const keys = this.#keys(`${name}.key`, key, 'group', options)
    const create = (): Operator => new UpsertsOperator(name, this.#mode, key)
    return this.#streamOf(this.#keyedNode({ name, type: 'upserts', create, keys }, options))
  }

  materialise(name: string, options: MaterialiseOptions<T> & NodeOptions = {}): Stream<T> {
    const { key } = options
    const mode = this.#mode
    if (key === undefined && this.#appends)
      return this.#streamOf(this.#node(name, 'materialise', () => new PassThroughOperator(), options))
    const keys = this.#keys(`${name}.key`, key ?? canonicalText, 'group', options)
    const create = (): Operator =>
      key === undefined ? new FinalBagOperator<T>(name) : new FinalRowsOperator<T>(name, mode)
    return this.#streamOf(this.#keyedNode({ name, type: 'materialise', create, keys }, options))
  }

  get #appends(): boolean {
    return this.#mode === 'append'
  }

  #table<Out>(origin: Origin, mode: ChangelogMode): ChangelogStream<Out> {
    return new ChangelogDataStream<Out>(this.#wiring, origin, mode, this.#streamOf)
  }

  #node(name: string, type: string, create: () => Operator, options: NodeOptions | undefined): Origin {
    return this.#wiring.addOperator({ name, type, create, inputs: [edgeFrom(this, name)] }, options)
  }

  /** Adds the node that computes keys, and says how the keyed node behind it reads them. */
  #keys(name: string, key: (row: T) => RowKey, nulls: NullKeys, options: NodeOptions | undefined): Origin {
    const create = (): Operator => new KeyRowsOperator(name, this.#mode, key, nulls)
    return { ...this.#node(name, 'keyBy', create, options), partitioner: 'hash' }
  }

  #keyed(name: string, key: (row: T) => RowKey, options: NodeOptions | undefined) {
    const keys = this.#keys(`${name}.key`, key, 'group', options)
    return <Out>(type: string, create: () => Operator, mode: ChangelogMode): ChangelogStream<Out> =>
      this.#table(this.#keyedNode({ name, type, create, keys }, options), mode)
  }

  #keyedNode(
    { name, type, create, keys }: { name: string; type: string; create: () => Operator; keys: Origin },
    options: NodeOptions | undefined,
  ): Origin {
    const inputs = [{ from: keys.node, output: keys.output, partitioner: keys.partitioner, input: 0 }]
    const spec = { name, type, create, inputs, keyed: true, states: [TABLE_STATE] }
    return this.#wiring.addOperator(spec, options)
  }
}

function tableOf<T>(node: string, given: ChangelogStream<T>): ChangelogDataStream<T> {
  if (given instanceof ChangelogDataStream) return given
  const what = 'an input that is no changelog'
  throw new MillraceError('GRAPH_BAD_FUNCTION', {
    node,
    what,
    expected: 'a changelog of this job: stream.toChangelog()',
  })
}
