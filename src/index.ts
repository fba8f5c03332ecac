// The job author's door: everything that `import … from 'millrace'` gives. Connectors have doors of their own.

// Writing a job

export { type BuildFunction, job } from './api/job.ts'
export type { NumberRange, Settings } from './api/settings.ts'
export type {
  ConnectedStreams,
  ElementOf,
  Flow,
  KeyedNodeOptions,
  KeyedStream,
  NodeOptions,
  Stream,
} from './api/streams.ts'
export type { CheckpointOptions, Job, JobOptions, RestartOptions } from './graph/job.ts'
export type { RxOptions, RxPipeline } from './operators/rx.ts'
export type { FunctionOrFactory } from './operators/user-function.ts'

// Functions

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
export type { ProcessLambda } from './operators/process.ts'

// Time

export { days, hours, milliseconds, minutes, seconds } from './time/duration.ts'

// State

export type {
  AggregateFunction,
  AggregatingState,
  Codec,
  ListState,
  MapState,
  ReducingState,
  StateOptions,
  TimeToLive,
  ValueState,
} from './contract/state.ts'

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
  type RichSinkFunction,
  UpsertSinkFunction,
} from './contract/sink-function.ts'

// Records

export { BATCH_RECORDS, type Batch, batchOf } from './record/batch.ts'
export type { Change, ChangeOp, ChangeSource } from './record/change.ts'
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
