// The job author's door: everything that `import … from 'millrace'` gives. Connectors have doors of their own.

// Writing a job

export { type BuildFunction, job } from './api/job.ts'
export type { NumberRange, Settings } from './api/settings.ts'
export type {
  BroadcastConnectedStream,
  ChangelogStream,
  ConnectedStreams,
  ElementOf,
  Flow,
  FromOptions,
  GroupedChangelog,
  JoinedStreams,
  KeyedBroadcastConnectedStream,
  KeyedNodeOptions,
  KeyedStream,
  NodeOptions,
  Stream,
  WindowedStream,
  WindowJoinedStreams,
} from './api/streams.ts'
export type { CheckpointOptions, Job, JobOptions, RestartOptions } from './graph/job.ts'
export type { RxOptions, RxPipeline } from './operators/rx.ts'
export type { FunctionOrFactory } from './operators/user-function.ts'

// Changelogs

export type {
  ChangelogJoinOptions,
  DeduplicateOptions,
  MaterialiseOptions,
  RankedTopNOptions,
  TopNOptions,
} from './operators/changelog/options.ts'
export type { RowKey } from './operators/changelog/row-key.ts'
export type { RowOrder } from './operators/changelog/top-n.ts'
export type { JoinType } from './operators/join-type.ts'

// Functions

export { AsyncFunction, type CallContext } from './contract/async-function.ts'
export { BroadcastProcessFunction, KeyedBroadcastProcessFunction } from './contract/broadcast-function.ts'
export type { TimerService } from './contract/keyed-context.ts'
export {
  type Collector,
  CoProcessFunction,
  type KeyedProcessContext,
  KeyedProcessFunction,
  type OnTimerContext,
  type OutputTag,
  type ProcessContext,
  ProcessFunction,
  sideOutput,
} from './contract/process-function.ts'
export type { Counter, Gauge, Logger, MetricGroup, RuntimeContext } from './contract/runtime-context.ts'
export type { AsyncLambda, AsyncOptions } from './operators/async-io.ts'
export type { IntervalJoinOptions } from './operators/interval-join.ts'
export type { LeftOf, RightOf } from './operators/join-type.ts'
export type { LookupCacheOptions, LookupJoinOptions } from './operators/lookup-join.ts'
export type { ProcessLambda } from './operators/process.ts'
export type { CallOptions, RetryOptions } from './operators/retries.ts'
export type { TemporalJoinOptions } from './operators/temporal-join.ts'
export type { UnboundedJoinOptions, UnboundedJoinSide } from './operators/unbounded-join.ts'
export type { WindowJoinOptions } from './operators/window-join.ts'

// Time

export { days, hours, milliseconds, minutes, seconds } from './time/duration.ts'
export type { WatermarkGenerator, WatermarkOutput } from './time/watermark-generator.ts'
export {
  boundedOutOfOrderness,
  monotonousTimestamps,
  noWatermarks,
  type WatermarkAlignment,
  type WatermarkOptions,
  type WatermarkStrategy,
  watermarkGenerator,
} from './time/watermark-strategy.ts'

// Windows

export {
  ProcessWindowFunction,
  type ProcessWindowLambda,
  type WindowContext,
} from './operators/window/process-window-function.ts'
export type { WindowRow } from './operators/window/window-emitter.ts'
export type { Trigger, TriggerContext, TriggerResult } from './time/trigger.ts'
export {
  continuousEventTimeTrigger,
  continuousProcessingTimeTrigger,
  countTrigger,
  eventTimeTrigger,
  processingTimeTrigger,
  purgingTrigger,
} from './time/triggers.ts'
export {
  type AlignedWindowOptions,
  type AlignedWindows,
  type CountWindows,
  cumulativeWindows,
  type GlobalWindows,
  globalWindows,
  maxTimestampOf,
  type SessionWindows,
  sessionWindows,
  slidingWindows,
  type TimeWindow,
  tumblingWindows,
  type WindowAssigner,
  type WindowOptions,
} from './time/window.ts'

// State

export type {
  AggregateFunction,
  AggregatingState,
  Codec,
  ListState,
  MapState,
  ReducingState,
  RetractableAggregateFunction,
  StateOptions,
  TimeToLive,
  ValueState,
} from './contract/state.ts'

// Aggregates

export { type AggregateColumns, type AggregateRow, aggregates } from './operators/aggregates/aggregates.ts'
export { type AvgOptions, avg } from './operators/aggregates/avg.ts'
export { collectList } from './operators/aggregates/collect-list.ts'
export { count } from './operators/aggregates/count.ts'
export { countDistinct } from './operators/aggregates/count-distinct.ts'
export { first } from './operators/aggregates/first.ts'
export { last } from './operators/aggregates/last.ts'
export { max } from './operators/aggregates/max.ts'
export { maxBy } from './operators/aggregates/max-by.ts'
export { min } from './operators/aggregates/min.ts'
export { minBy } from './operators/aggregates/min-by.ts'
export { sum } from './operators/aggregates/sum.ts'
export type { Comparable, Numeric } from './operators/aggregates/values.ts'
export { Decimal, type DecimalRounding, divideDecimal, roundDecimal } from './util/decimal.ts'

// Sources

export { defineSource, type ReadResult, type SourceDefinition } from './api/define-source.ts'
export { fromArray, fromIterable } from './api/from-iterable.ts'
export { type FromObservableOptions, fromObservable, type PushLogOptions } from './api/from-observable.ts'
export {
  type EnumeratorContext,
  type Polled,
  type ReaderContext,
  SourceFunction,
  type SourceProgress,
  type SourceReader,
  type SourceSplit,
  type SplitEnumerator,
} from './contract/source-function.ts'
export { type SplitRead, type SplitReader, SplitSource } from './contract/split-source.ts'

// Sinks

export {
  type AppendPrepared,
  AppendSinkFunction,
  type DeliveryGuarantee,
  EpochSinkFunction,
  type LogCodec,
  type RichSinkFunction,
  UpsertSinkFunction,
} from './contract/sink-function.ts'

// Records

export { BATCH_RECORDS, type Batch, batchOf } from './record/batch.ts'
export type { Change, ChangeOp, ChangeSource } from './record/change.ts'
export type { RowChange, RowKind } from './record/row-change.ts'
export type { Key } from './util/key-group.ts'

// Errors

export {
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorDomain,
  isMillraceError,
  MillraceError,
  type RetryHint,
} from './errors.ts'

// Tools

export type { Clock } from './util/clock.ts'
export { type Rng, seededRng } from './util/rng.ts'
