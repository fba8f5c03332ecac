// The language: what can be said about a stream. Every call adds a named node to the job's graph and runs nothing.

import type { AsyncFunction } from '../contract/async-function.ts'
import type { BroadcastProcessFunction, KeyedBroadcastProcessFunction } from '../contract/broadcast-function.ts'
import type {
  CoProcessFunction,
  KeyedProcessFunction,
  OutputTag,
  ProcessFunction,
} from '../contract/process-function.ts'
import type { RichSinkFunction } from '../contract/sink-function.ts'
import type { SourceFunction } from '../contract/source-function.ts'
import type { AggregateFunction, StateOptions } from '../contract/state.ts'
import type { AsyncLambda, AsyncOptions } from '../operators/async-io.ts'
import type {
  ChangelogJoinOptions,
  DeduplicateOptions,
  MaterialiseOptions,
  RankedTopNOptions,
  TopNOptions,
} from '../operators/changelog/options.ts'
import type { RowKey } from '../operators/changelog/row-key.ts'
import type { IntervalJoinOptions } from '../operators/interval-join.ts'
import type { JoinType, LeftOf, RightOf } from '../operators/join-type.ts'
import type { LookupJoinOptions } from '../operators/lookup-join.ts'
import type { ProcessLambda } from '../operators/process.ts'
import type { RxOptions, RxPipeline } from '../operators/rx.ts'
import type { TemporalJoinOptions } from '../operators/temporal-join.ts'
import type { UnboundedJoinOptions } from '../operators/unbounded-join.ts'
import type { FunctionOrFactory } from '../operators/user-function.ts'
import type { ProcessWindowFunction, ProcessWindowLambda } from '../operators/window/process-window-function.ts'
import type { WindowRow } from '../operators/window/window-emitter.ts'
import type { WindowJoinOptions } from '../operators/window-join.ts'
import type { Change } from '../record/change.ts'
import type { RowChange } from '../record/row-change.ts'
import type { Trigger } from '../time/trigger.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import type { TimeWindow, WindowAssigner } from '../time/window.ts'
import type { Key } from '../util/key-group.ts'

export interface NodeOptions {
  /** How many subtasks run this node. Default: the job's parallelism. */
  readonly parallelism?: number
}

/** Options of a source. */
export interface FromOptions<T> extends NodeOptions {
  /** The event time of its records and how far it has come, split by split. Default: what the source gives them, and no watermarks. */
  readonly watermarks?: WatermarkStrategy<T>
}

/** Options of nodes that keep one value per key: how it is stored, how long, and how older versions of it are read. */
export interface KeyedNodeOptions<S> extends NodeOptions {
  readonly state?: StateOptions<S>
}

/** The beginning of a job. */
export interface Flow {
  /** Adds a source: a SourceFunction, as connectors make them, or a factory of one. */
  from<T>(name: string, source: FunctionOrFactory<SourceFunction<T>>, options?: FromOptions<NoInfer<T>>): Stream<T>
  /** Called in one worker before any function is opened, at every start of the process: must be idempotent. */
  onStart(hook: () => void | Promise<void>): void
  /** Called once after the job has finished and every sink has committed; a throw makes the run fail. */
  onFinished(hook: () => void | Promise<void>): void
}

/** Records of type T on their way from one node to the next. */
export interface Stream<T> {
  /** One record out for each record in. `fn` is called in order and must not keep state of its own. */
  map<Out>(name: string, fn: (value: T) => Out, options?: NodeOptions): Stream<Out>
  /** Keeps the records for which the predicate holds. A type guard narrows the stream's type. */
  filter<Out extends T>(name: string, predicate: (value: T) => value is Out, options?: NodeOptions): Stream<Out>
  filter(name: string, predicate: (value: T) => boolean, options?: NodeOptions): Stream<T>
  /** Any number of records out for each record in: an array, or a generator for many. */
  flatMap<Out>(name: string, fn: (value: T) => Iterable<Out>, options?: NodeOptions): Stream<Out>
  /** Groups by key: records of one key meet in one subtask, in order, with the state of that key. */
  keyBy<const K extends Key>(name: string, selector: (value: T) => K, options?: NodeOptions): KeyedStream<K, T>
  /**
   * A function with side outputs and timestamps: a ProcessFunction; a factory `() => new X()`, called once for each subtask; or a
   * lambda, which says what comes out: `.process<Line>('lines', (value, context, out) => …)`.
   */
  process<Out>(
    name: string,
    fn: FunctionOrFactory<ProcessFunction<T, Out>> | ProcessLambda<T, Out>,
    options?: NodeOptions,
  ): Stream<Out>
  /** All records of this and the other streams. Order is kept within each stream only. */
  union<Others extends readonly Stream<unknown>[]>(
    name: string,
    ...others: Others
  ): Stream<T | ElementOf<Others[number]>>
  /** Two streams into one function. */
  connect<Other>(other: Stream<Other>): ConnectedStreams<never, T, Other>
  /**
   * This stream with a small one that every subtask of the next node gets all of, to be kept as broadcast state: rules, rates, flags.
   */
  connectBroadcast<Broadcast>(broadcast: Stream<Broadcast>): BroadcastConnectedStream<T, Broadcast>
  /**
   * Asks an outside service about each record, many at a time; answers come out in the order of their records. A checkpoint does not wait
   * for answers: what is under way is in it, and is asked again after a restore, so a call may be made twice.
   */
  orderedAsync<Out>(
    name: string,
    fn: FunctionOrFactory<AsyncFunction<T, Out>> | AsyncLambda<T, Out>,
    options?: NodeOptions & AsyncOptions<T, Out>,
  ): Stream<Out>
  /** The same in the order in which answers come, but for watermarks: no answer passes one, on neither side. */
  unorderedAsync<Out>(
    name: string,
    fn: FunctionOrFactory<AsyncFunction<T, Out>> | AsyncLambda<T, Out>,
    options?: NodeOptions & AsyncOptions<T, Out>,
  ): Stream<Out>
  /**
   * Each record with the row of its key in a table elsewhere, as it is when it is asked for: asked for batch by batch, each key once, in
   * order. After a crash rows are asked for again, and may be others by then.
   */
  lookupJoin<const K extends Key, Row, Out, const Type extends 'inner' | 'left' = 'inner'>(
    name: string,
    options: NodeOptions & LookupJoinOptions<T, K, Row, Type>,
    row: (value: T, row: RightOf<Type, Row>) => Out,
  ): Stream<Out>
  /** Two streams: the records for which the predicate holds, and the others. */
  split<Yes extends T>(
    name: string,
    predicate: (value: T) => value is Yes,
    options?: NodeOptions,
  ): [Stream<Yes>, Stream<Exclude<T, Yes>>]
  split(name: string, predicate: (value: T) => boolean, options?: NodeOptions): [Stream<T>, Stream<T>]
  /** What the node before emitted with `out.side(tag, value)`. */
  side<Side>(tag: OutputTag<Side>): Stream<Side>
  /** The next node gets every record in each of its subtasks. */
  broadcast(): Stream<T>
  /** The next node gets batches in turn, whatever subtask they come from: evens out a skewed stream. */
  rebalance(): Stream<T>
  /**
   * Any RxJS pipeline. It lives for one epoch: built at the first record after a barrier, its input completes at the next
   * barrier (or after `recordsMax` records), its remaining output is awaited and belongs to that epoch. So no state of it outlives
   * a checkpoint: what must, belongs in keyed state. A pipeline that completes early (`take(3)`) gets no more records of its
   * epoch, as in plain RxJS; the counter `rxUnread` says how many. What comes out has no event time.
   */
  rx<Out>(name: string, pipeline: RxPipeline<T, Out>, options?: NodeOptions & RxOptions): Stream<Out>
  /** Gives each record its event time, in ms since the epoch. Watermarks pass through. */
  assignTimestamps(name: string, timestampOf: (value: T) => number, options?: NodeOptions): Stream<T>
  /**
   * Event time that begins here: gives each record its time, and the stream its watermarks; those from before end here. Prefer the
   * `watermarks` of `flow.from`, which follow each split by itself: here records of several splits have met, out of order.
   */
  assignTimestampsAndWatermarks(name: string, strategy: WatermarkStrategy<T>, options?: NodeOptions): Stream<T>
  /** The records as rows of a table that only grows. */
  toChangelog(): ChangelogStream<T>
  /** Changes of rows, as ChangelogStream.changes() gives them, as a changelog again. */
  rowChangesToChangelog<Row>(this: Stream<RowChange<Row>>, name: string, options?: NodeOptions): ChangelogStream<Row>
  /** What a change source reads, as a changelog. A truncated table fails the job, for nobody knows which rows that takes away. */
  cdcToChangelog<Row>(this: Stream<Change<Row>>, name: string, options?: NodeOptions): ChangelogStream<Row>
  /** Cuts all records into windows, in one subtask, whatever the parallelism; the node before the windows is `<name>-all`. */
  windowAll(assigner: WindowAssigner<T>): WindowedStream<'', T>
  /** Ends the stream in a sink: a RichSinkFunction, as connectors make them, or a factory called once for each subtask. */
  to(name: string, sink: FunctionOrFactory<RichSinkFunction<T>>, options?: NodeOptions): void
}

/** Records grouped by key: what follows has the state and the timers of the record's key. */
export interface KeyedStream<K extends Key, T> {
  /** State, timers and any number of records out. A factory `() => new X()` is called once for each subtask. */
  process<Out>(name: string, fn: FunctionOrFactory<KeyedProcessFunction<K, T, Out>>, options?: NodeOptions): Stream<Out>
  /** Combines each record with the total of its key so far, and emits the new total. `fn` returns a new object. */
  reduce(name: string, fn: (total: T, value: T) => T, options?: KeyedNodeOptions<T>): Stream<T>
  /** Keeps an accumulator per key and emits its result after each record. */
  aggregate<Acc, Out>(name: string, fn: AggregateFunction<T, Acc, Out>, options?: KeyedNodeOptions<Acc>): Stream<Out>
  /** Two streams with keys of one type whose records are put together in pairs of one key. */
  join<Other>(other: KeyedStream<K, Other>): JoinedStreams<T, Other>
  /**
   * Each record with what `versions` said of its key at the record's event time (a rate, a price, a row of a change log): it waits until
   * no such version can come any more. Both streams need watermarks.
   */
  temporalJoin<Other, Version = Other, const Type extends 'inner' | 'left' = 'inner'>(
    versions: KeyedStream<K, Other>,
    options?: TemporalJoinOptions<T, Other, Version, Type>,
  ): PairedStreams<T, RightOf<Type, Version>>
  /** This stream with a small one that every subtask of the next node gets all of, to be kept as broadcast state. */
  connectBroadcast<Broadcast>(broadcast: Stream<Broadcast>): KeyedBroadcastConnectedStream<K, T, Broadcast>
  /** Two streams with keys of one type into one function: records of one key meet, whichever stream they come from. */
  connect<Other>(other: KeyedStream<K, Other>): ConnectedStreams<K, T, Other>
  /** Cuts the records of each key into windows. */
  window(assigner: WindowAssigner<T>): WindowedStream<K, T>
  /** Windows of `size` records of a key; with `slide`, a result every `slide` records, of the last `size`. */
  countWindow(size: number, slide?: number): WindowedStream<K, T>
  /** Ends the stream in a sink whose subtasks each get all records of their keys, in order. */
  to(name: string, sink: FunctionOrFactory<RichSinkFunction<T>>, options?: NodeOptions): void
}

/**
 * Records of a key, cut into windows. What comes out has the last event time of its window. Each call that says more about the windows
 * gives a new object; reduce, aggregate or process adds the node.
 */
export interface WindowedStream<K extends Key, T> {
  /**
   * Windows are kept for so long after their end: a record that comes within that time makes its windows give their results once more,
   * with it. Default 0.
   */
  allowedLateness(latenessMs: number): WindowedStream<K, T>
  /**
   * A side output for records that come when the last of their windows is gone (Flink's sideOutputLateData): read it with
   * `.side(tag)` of the stream that comes out. Without it they are dropped, and counted in the metric lateRecords.
   */
  lateRecords(tag: OutputTag<T>): WindowedStream<K, T>
  /** Results before the window ends too: of a key with new records, all that is not final yet, this often by the clock. */
  emitEvery(intervalMs: number): WindowedStream<K, T>
  /** Says when windows give results, instead of at their end. */
  trigger(trigger: Trigger<T>): WindowedStream<K, T>
  /** Combines the records of a window into one of their kind; `fn` returns a new object. `rowOf` makes of it what comes out. */
  reduce(name: string, fn: (total: T, value: T) => T, options?: NodeOptions): Stream<T>
  reduce<Out>(
    name: string,
    fn: (total: T, value: T) => T,
    rowOf: WindowRow<K, T, Out>,
    options?: NodeOptions,
  ): Stream<Out>
  /** Keeps an accumulator for each window. `rowOf(key, window, result)` makes what comes out; left out, it is the result. */
  aggregate<Acc, Result>(name: string, fn: AggregateFunction<T, Acc, Result>, options?: NodeOptions): Stream<Result>
  aggregate<Acc, Result, Out>(
    name: string,
    fn: AggregateFunction<T, Acc, Result>,
    rowOf: WindowRow<K, Result, Out>,
    options?: NodeOptions,
  ): Stream<Out>
  /**
   * All records of a window at once: a ProcessWindowFunction; a factory `() => new X()`, called once for each subtask; or a lambda
   * `(values, context, out) => …`.
   */
  process<Out>(
    name: string,
    fn: FunctionOrFactory<ProcessWindowFunction<K, T, Out>> | ProcessWindowLambda<K, T, Out>,
    options?: NodeOptions,
  ): Stream<Out>
}

/** Two streams about to become one. */
export interface ConnectedStreams<K extends Key, A, B> {
  process<Out>(name: string, fn: FunctionOrFactory<CoProcessFunction<K, A, B, Out>>, options?: NodeOptions): Stream<Out>
}

/** A stream and a broadcast one about to become one. */
export interface BroadcastConnectedStream<T, Broadcast> {
  process<Out>(
    name: string,
    fn: FunctionOrFactory<BroadcastProcessFunction<T, Broadcast, Out>>,
    options?: NodeOptions,
  ): Stream<Out>
}

/** A keyed stream and a broadcast one about to become one. */
export interface KeyedBroadcastConnectedStream<K extends Key, T, Broadcast> {
  process<Out>(
    name: string,
    fn: FunctionOrFactory<KeyedBroadcastProcessFunction<K, T, Broadcast, Out>>,
    options?: NodeOptions,
  ): Stream<Out>
}

/** Two keyed streams about to be joined; next comes which records of a key are partners. */
export interface JoinedStreams<A, B> {
  /**
   * Every record of one stream with every record of the other, whenever they come: an inner join whose state only `ttlMs`, or streams
   * with one record per key, keep from growing. A row has the event time of the record that completed it.
   */
  unbounded<KeptA = A, KeptB = B>(options?: UnboundedJoinOptions<A, B, KeptA, KeptB>): PairedStreams<KeptA, KeptB>
  /**
   * Records that share a window of event time: tumbling, sliding, cumulative or session windows. Rows are made when the window is over,
   * and have its last event time.
   */
  window<const Type extends JoinType = 'inner'>(
    assigner: WindowAssigner<A | B>,
    options?: WindowJoinOptions<A, B, Type>,
  ): WindowJoinedStreams<LeftOf<Type, A>, RightOf<Type, B>>
  /**
   * Records of the right stream whose event time is between `lowerMs` and `upperMs` after that of the left record, bounds included. A
   * row has the event time of the later of its two records; one without a partner, that of the end of its interval.
   */
  between<const Type extends JoinType = 'inner'>(
    lowerMs: number,
    upperMs: number,
    options?: IntervalJoinOptions<A, B, Type>,
  ): PairedStreams<LeftOf<Type, A>, RightOf<Type, B>>
}

/** Two streams whose records are partners if they share a window. */
export interface WindowJoinedStreams<A, B> {
  /** Makes a row of each pair, when the window is over. A record that comes out alone has `undefined` for a partner. */
  apply<Out>(name: string, row: (left: A, right: B, window: TimeWindow) => Out, options?: NodeOptions): Stream<Out>
}

/** Two streams and who is whose partner in them. */
export interface PairedStreams<A, B> {
  /** Makes a row of each pair. A record that comes out alone has `undefined` for a partner. */
  apply<Out>(name: string, row: (left: A, right: B) => Out, options?: NodeOptions): Stream<Out>
}

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
  deduplicate(name: string, key: (row: T) => RowKey, options: DeduplicateOptions<T> & NodeOptions): ChangelogStream<T>
  /** The first `n` rows of each key in an order: themselves, or with `rank` what is made of a row and its rank. */
  topN<Out>(name: string, options: RankedTopNOptions<T, Out> & NodeOptions): ChangelogStream<Out>
  topN(name: string, options: TopNOptions<T> & NodeOptions): ChangelogStream<T>
  /** The pairs of rows with equal keys, none of which is null; and, of an outer side, its rows without a partner. */
  join<R, Out, Type extends JoinType = 'inner'>(
    name: string,
    right: ChangelogStream<R>,
    options: ChangelogJoinOptions<T, R, Out, Type> & NodeOptions,
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
  materialise(name: string, options?: MaterialiseOptions<T> & NodeOptions): Stream<T>
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

/** The record type of a stream. */
export type ElementOf<S> = S extends Stream<infer T> ? T : never
