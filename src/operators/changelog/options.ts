// What can be said about a changelog beside rows and functions of them.

import type { JoinType, LeftOf, RightOf } from '../join-type.ts'
import type { RowKey } from './row-key.ts'
import type { RowOrder } from './top-n.ts'

/** Which row of a key is kept. */
export interface DeduplicateOptions<T> {
  readonly keep: 'first' | 'last'
  /** Says which of two rows is earlier: (a, b) => a.time - b.time. Equal ones, and all where it is left out, are in stream order. */
  readonly orderBy?: RowOrder<T>
}

/** What a top-N is of. */
export interface TopNOptions<T> {
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
export interface ChangelogJoinOptions<L, R, Out, Type extends JoinType> {
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
export interface MaterialiseOptions<T> {
  readonly key?: (row: T) => RowKey
}
