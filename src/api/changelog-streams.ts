// The language of changelogs: tables that change, as streams of their changes. Every call adds named nodes to the job's graph.

import type { AggregateFunction } from '../contract/state.ts'
import type { RowKey } from '../operators/changelog/row-key.ts'
import type { RowOrder } from '../operators/changelog/top-n.ts'
import type { JoinType, LeftOf, RightOf } from '../operators/join-type.ts'
import type { Change } from '../record/change.ts'
import type { RowChange } from '../record/row-change.ts'
import type { NodeOptions, Stream } from './streams.ts'

/**
 * The changes of a table: rows that are added, and rows equal to earlier ones that are taken away. Whatever is said about it holds of
 * the table as it is at any time, however it came to be so: results are taken back and put right as rows change. Functions must depend
 * on the row alone, for what they made of a row is made again when it is taken away.
 *
 * Rows are compared as data: by their fields, whatever the order. A table may hold a row several times. What keeps state gives no event
 * times: of a row that changes there is none.
 */
export interface ChangelogStream<T> {
  /** One row out for each row in. */
  map<Out>(name: string, fn: (row: T) => Out, options?: NodeOptions): ChangelogStream<Out>
  /** The rows for which the predicate holds. An update that only one form of passes adds a row, or takes one away. */
  filter<Out extends T>(name: string, predicate: (row: T) => row is Out, options?: NodeOptions): ChangelogStream<Out>
  filter(name: string, predicate: (row: T) => boolean, options?: NodeOptions): ChangelogStream<T>
  /** Any number of rows out for each row in. */
  flatMap<Out>(name: string, fn: (row: T) => Iterable<Out>, options?: NodeOptions): ChangelogStream<Out>
  /** The rows of this table and of the others. */
  union(name: string, ...others: readonly ChangelogStream<T>[]): ChangelogStream<T>
  /** Each row once. */
  distinct(name: string, options?: NodeOptions): ChangelogStream<T>
  /** Groups rows by key; null is a key as others are. */
  groupBy<const K extends RowKey>(name: string, key: (row: T) => K, options?: NodeOptions): GroupedChangelog<K, T>
  /** One row of each key. */
  deduplicate(name: string, key: (row: T) => RowKey, options: DeduplicateOptions<T>): ChangelogStream<T>
  /** The first `n` rows of each key in an order: themselves, or with `rank` what is made of a row and its rank. */
  topN<Out>(name: string, options: RankedTopNOptions<T, Out>): ChangelogStream<Out>
  topN(name: string, options: TopNOptions<T>): ChangelogStream<T>
  /** The pairs of rows with equal keys, none of which is null; and, of an outer side, its rows without a partner. */
  join<R, Out, Type extends JoinType = 'inner'>(
    name: string,
    right: ChangelogStream<R>,
    options: ChangelogJoinOptions<T, R, Out, Type>,
  ): ChangelogStream<Out>
  /** The changes themselves, as records. */
  changes(name: string, options?: NodeOptions): Stream<RowChange<T>>
  /**
   * The row of each key, as changes with the row before: what sinks for tables take. Of several rows with one key the latest counts.
   * Right wherever rows come from: a new row that overtakes the removal of the old one replaces it.
   */
  toUpserts(name: string, key: (row: T) => readonly RowKey[], options?: NodeOptions): Stream<Change<T>>
  /**
   * The table, when the input has ended: its rows, each as often as it is there; with `key` the latest row of each key. Rows of a table
   * that only grows come at once, unless there is a key.
   */
  materialise(name: string, options?: MaterialiseOptions<T>): Stream<T>
}

/** Rows of a table by key. */
export interface GroupedChangelog<K extends RowKey, T> {
  /**
   * One row for each group that has rows, made of its key and of what an aggregate function says of them. Where input only adds, the
   * function keeps what it needs for that; otherwise its form that takes rows back. Changes that leave the row as it was make none.
   */
  aggregate<Result, Out>(
    name: string,
    // any: an accumulator is nobody's business but the function's.
    // biome-ignore lint/suspicious/noExplicitAny: see above
    fn: AggregateFunction<T, any, Result>,
    row: (key: K, result: Result) => Out,
    options?: NodeOptions,
  ): ChangelogStream<Out>
}

/** Which row of a key is kept. */
export interface DeduplicateOptions<T> extends NodeOptions {
  readonly keep: 'first' | 'last'
  /** Says which of two rows is earlier: (a, b) => a.time - b.time. Equal ones, and all where it is left out, are in stream order. */
  readonly orderBy?: RowOrder<T>
}

/** What a top-N is of. */
export interface TopNOptions<T> extends NodeOptions {
  readonly key: (row: T) => RowKey
  readonly n: number
  /** Negative if `a` ranks before `b`: (a, b) => b.price - a.price puts the highest first. Equal ones are in stream order. */
  readonly orderBy: RowOrder<T>
}

/** With the rank in the rows. */
export interface RankedTopNOptions<T, Out> extends TopNOptions<T> {
  /** Makes the row that comes out; ranks begin at 1. */
  readonly rank: (row: T, rank: number) => Out
}

/** How two tables are joined. */
export interface ChangelogJoinOptions<L, R, Out, Type extends JoinType> extends NodeOptions {
  /** Default: inner. Of an outer side rows come out also without a partner, with undefined for it. */
  readonly type?: Type
  readonly leftKey: (row: L) => RowKey
  readonly rightKey: (row: R) => RowKey
  /** What must hold beside equal keys. */
  readonly on?: (left: L, right: R) => boolean
  /**
   * Sides that never have two rows with one key. For a side that only grows this saves state: once its row is here, rows of the other
   * side need not be kept. A second row fails the job.
   */
  readonly unique?: 'left' | 'right' | 'both'
  readonly row: (left: LeftOf<Type, L>, right: RightOf<Type, R>) => Out
}

/** How a table is read out. */
export interface MaterialiseOptions<T> extends NodeOptions {
  readonly key?: (row: T) => RowKey
}
