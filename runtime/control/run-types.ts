// The embedder's view of a run: what run() takes and gives. The CLI is one embedder.

import type { Observable } from 'rxjs'
import type { CheckpointOptions, Job, RestartOptions } from '../../src/graph/job.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import type { FailureInfo, NodeMetrics } from '../worker/messages.ts'

export interface RunOptions {
  /** Default `.millrace` in the working directory. A job's files are in `<dataDir>/<job>/`. */
  readonly dataDir?: string
  /** Overrides the job's default parallelism (not that of nodes which name their own). */
  readonly parallelism?: number
  /** Worker threads. Default: cores less one, at least 1, at most the largest parallelism. */
  readonly workers?: number
  /** Everything in this thread, for debuggers. Always so when a Job (not a file) is given. */
  readonly inProcess?: boolean
  /** Heap for keyed state, all workers together. Default 256 MiB; Infinity: no limit. */
  readonly stateCacheBytes?: number
  readonly checkpoint?: CheckpointOptions
  readonly restart?: RestartOptions
  readonly mode?: 'stream' | 'batch'
  /** Which job, of a file that has several. */
  readonly job?: string
  readonly settings?: Readonly<Record<string, string>>
  /** Start over; earlier checkpoints are moved aside, not deleted. */
  readonly fresh?: boolean
  /** Go back to this retained checkpoint (its number), or start from a checkpoint's folder. */
  readonly fromCheckpoint?: number | string
  /** Start from this savepoint: with any parallelism, any number of key groups, nodes added or (see below) renamed and removed. */
  readonly fromSavepoint?: string
  /** old node name -> new node name */
  readonly map?: Readonly<Record<string, string>>
  readonly allowDroppedState?: readonly string[]
  readonly allowRepeat?: readonly string[]
  /** A worker that does not answer for three of these is lost. Default 10,000. */
  readonly heartbeatMs?: number
}

/** The states of a job; the legal moves are a table in control/job-state.ts. */
export type JobState =
  | 'created'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'restarting'
  | 'failing'
  | 'finished'
  | 'stopped'
  | 'failed'
  | 'cancelled'

export interface CheckpointInfo {
  readonly id: number
  readonly status: 'in-progress' | 'complete' | 'failed'
  readonly startedAt: number
  readonly endedAt: number | undefined
  /** All that the checkpoint holds. 0 until it is complete. */
  readonly stateBytes: number
  /** Of these, what the checkpoint before did not hold: written for this one, the rest is linked. */
  readonly newBytes: number
  /** Longest stretch in which a task could process nothing, ms. */
  readonly pauseMs: number
  readonly reason: string | undefined
}

/** One line of events.ndjson, and of the terminal in a pipe. `at`: ms since the epoch. */
export type RunEvent = {
  readonly at: number
  readonly job: string
} /** `attempt`: which one this is or was, counted from 1. */ & (
  | { readonly type: 'state'; readonly state: JobState; readonly attempt: number }
  /** `folder`: of a savepoint its file. */
  | { readonly type: 'restored'; readonly checkpoint: number; readonly folder: string }
  | { readonly type: 'checkpoint'; readonly checkpoint: CheckpointInfo }
  | { readonly type: 'committed'; readonly checkpoint: number }
  | { readonly type: 'failure'; readonly failure: FailureInfo; readonly restartInMs: number | undefined }
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
)

export interface RunResult {
  readonly state: 'finished' | 'stopped' | 'failed' | 'cancelled'
  readonly failure: FailureInfo | undefined
  readonly lastCheckpoint: number | undefined
  /** How many were deployed: 0 if the job was refused before. */
  readonly attempts: number
  readonly durationMs: number
  /** The last metrics, by node, summed over subtasks. */
  readonly metrics: readonly NodeMetrics[]
}

/** A job on its way. Observables are hot; events$ and state$ replay what is needed to begin in the middle. */
export interface Run {
  readonly graph: Promise<{ readonly graph: GraphDescription; readonly plan: PhysicalPlan }>
  readonly state$: Observable<JobState>
  readonly events$: Observable<RunEvent>
  /** About once a second: every node and subtask. */
  readonly metrics$: Observable<readonly NodeMetrics[]>
  readonly checkpoints$: Observable<CheckpointInfo>
  /** Never rejects. */
  readonly result: Promise<RunResult>
  /** Triggers a checkpoint now; resolves to its id when complete. Rejects if it fails. */
  checkpoint(): Promise<number>
  /** A last checkpoint, commit, then the end (state 'stopped'). */
  stop(): Promise<RunResult>
  /** Ends at once; as safe as kill -9. */
  cancel(): Promise<RunResult>
}

/** Starts a job: from a job file (its default export, or `job` of them) on worker threads, or from a Job in this thread. */
export type RunFunction = (job: string | Job, options?: RunOptions) => Run
