// What a job file exports, as the machine sees it. src/api makes it; the runtime builds and runs it.

import type { LogicalGraph } from './logical-graph.ts'

export interface CheckpointOptions {
  /** Default 10,000. */
  readonly intervalMs?: number
  /** A checkpoint that takes longer is aborted. Default 600,000. */
  readonly timeoutMs?: number
  /** From the end of one checkpoint to the start of the next. Default 0. */
  readonly minPauseMs?: number
  /** Consecutive failed checkpoints before the job restarts. Default 0. */
  readonly tolerableFailures?: number
  /** How many complete checkpoints are kept. Default 3. */
  readonly retain?: number
  /** Kept ones older than this are deleted too (the latest never is). Default: no expiry. */
  readonly expireMs?: number
}

export type RestartOptions =
  | { readonly strategy: 'none' }
  | { readonly strategy: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly strategy: 'exponential-delay'
      /** Default 1,000. */
      readonly initialDelayMs?: number
      /** Default 60,000. */
      readonly maxDelayMs?: number
      /** Default 2. */
      readonly multiplier?: number
      /** A run longer than this forgets earlier failures. Default 3,600,000. */
      readonly resetAfterMs?: number
      /** Part of the delay that is random, 0 to 1. Default 0.1. */
      readonly jitter?: number
      /** Default: no limit. */
      readonly attempts?: number
    }
  | {
      readonly strategy: 'failure-rate'
      readonly failures: number
      readonly intervalMs: number
      readonly delayMs: number
    }

export interface JobOptions {
  /** Default 1. */
  readonly parallelism?: number
  /** The most subtasks keyed state can ever be spread over; fixed for the life of the state. Default 128. */
  readonly keyGroups?: number
  readonly checkpoint?: CheckpointOptions
  readonly restart?: RestartOptions
  /** Default exactly-once. */
  readonly delivery?: 'exactly-once' | 'at-least-once'
}

/** Where a job runs and what it was told: `--set key=value` pairs as given. */
export interface BuildInput {
  readonly settings: Readonly<Record<string, string>>
  readonly dataDir: string
  readonly mode: 'stream' | 'batch'
}

export interface BuiltJob {
  readonly graph: LogicalGraph
  /** Called once each, in order, in one worker, before any function is opened; at every start of the process, so they must be idempotent. */
  readonly onStart: readonly (() => void | Promise<void>)[]
  /** Called once each, in order, in one worker, after the job has finished and every sink has committed. A throw makes the run fail. */
  readonly onFinished: readonly (() => void | Promise<void>)[]
}

const BRAND = Symbol.for('millrace.job')

/** A named way to build a graph. A value: making one runs nothing. */
export interface Job {
  readonly [BRAND]: true
  readonly name: string
  readonly options: JobOptions
  /** Each call makes new functions; the graph's shape is the same for the same input. Throws GRAPH_*, SETTING_*. */
  build(input: BuildInput): BuiltJob
}

export function makeJob(job: Omit<Job, typeof BRAND>): Job {
  return { [BRAND]: true, ...job }
}

export function isJob(value: unknown): value is Job {
  return typeof value === 'object' && value !== null && BRAND in value
}
