// The vocabulary of decide: what it is told (facts) and what it answers (decisions).

import type { TaskSnapshot } from './snapshot.ts'

/** What decisions depend on besides facts. Times in ms. */
export interface DecideRules {
  readonly attempt: number
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly minPauseMs: number
  readonly tolerableFailures: number
  /** Every subtask, as subtaskKey(task, subtask). */
  readonly subtasks: readonly string[]
  readonly workers: readonly number[]
  /** Those that host subtask 0 of a source. */
  readonly enumeratorWorkers: readonly number[]
}

/** Why something went wrong, as whoever tells it describes it. */
export interface Cause {
  readonly message: string
}

export type Fact<C extends Cause> =
  /** Time has passed. */
  | { readonly type: 'tick' }
  /** Someone wants a checkpoint soon. */
  | { readonly type: 'request' }
  /** The job is to end after a last checkpoint. */
  | { readonly type: 'stop' }
  | { readonly type: 'opened'; readonly checkpoint: number }
  | { readonly type: 'open-failed'; readonly cause: C }
  | { readonly type: 'enumerated'; readonly worker: number; readonly checkpoint: number }
  | { readonly type: 'ack'; readonly attempt: number; readonly checkpoint: number; readonly snapshot: TaskSnapshot }
  | {
      readonly type: 'decline'
      readonly attempt: number
      readonly checkpoint: number
      readonly task: number
      readonly subtask: number
      readonly cause: C
    }
  | { readonly type: 'drained'; readonly attempt: number; readonly task: number; readonly subtask: number }
  | { readonly type: 'persisted'; readonly checkpoint: number }
  /** `unknown`: the manifest may be on disk nevertheless. */
  | { readonly type: 'persist-failed'; readonly checkpoint: number; readonly unknown: boolean; readonly cause: C }
  | { readonly type: 'committed'; readonly worker: number; readonly checkpoint: number }
  /** A task failed or a worker was lost: the attempt is over. */
  | { readonly type: 'attempt-failed'; readonly cause: C }

/** Why a checkpoint is the last one: every source has ended, or someone stops the job. */
export type FinalReason = 'drained' | 'stop'

export type Decision<C extends Cause> =
  | { readonly type: 'open' }
  | { readonly type: 'enumerate'; readonly checkpoint: number }
  | { readonly type: 'trigger'; readonly checkpoint: number; readonly final: FinalReason | undefined }
  | {
      readonly type: 'persist'
      readonly checkpoint: number
      readonly final: FinalReason | undefined
      readonly snapshots: readonly TaskSnapshot[]
    }
  | { readonly type: 'complete'; readonly checkpoint: number; readonly final: FinalReason | undefined }
  /** All sinks have committed. */
  | { readonly type: 'settled'; readonly checkpoint: number }
  | { readonly type: 'abort'; readonly checkpoint: number; readonly reason: string }
  /** `checkpoint` undefined: it did not come to an id. `cause` undefined: a timeout. */
  | {
      readonly type: 'fail'
      readonly checkpoint: number | undefined
      readonly reason: string
      readonly cause: C | undefined
    }
  | { readonly type: 'end'; readonly checkpoint: number; readonly reason: FinalReason }
