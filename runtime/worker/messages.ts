// What the main thread and a worker say to each other. Plain data; everything is in order within one link.

import type { BuildInput, JobOptions } from '../../src/graph/job.ts'
import type { NodeRestore, TaskSnapshot } from '../checkpoint/snapshot.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import type { AlignmentReport, EnumeratorMessage, FailureInfo } from '../task/task-port.ts'

export type { AlignmentReport, EnumeratorMessage, FailureInfo } from '../task/task-port.ts'
export type { NodeMetrics }

/** A channel between subtasks of two workers: its two ports are sent to the two workers. */
export interface PortAddress {
  readonly edge: number
  readonly fromSubtask: number
  readonly toSubtask: number
}

/** How far the slowest source of an alignment group has come; Infinity if nobody is waited for. */
export interface GroupProgress {
  readonly group: string
  readonly least: number
}

export interface StateConfig {
  /** Bytes of heap for each worker's keyed state; Infinity keeps everything in the heap. */
  readonly cacheBytes: number
}

export interface Deployment {
  readonly attempt: number
  readonly plan: PhysicalPlan
  /** Absolute: <data-dir>/<job> */
  readonly jobDir: string
  readonly mode: 'stream' | 'batch'
  readonly delivery: 'exactly-once' | 'at-least-once'
  readonly state: StateConfig
  /** By node, then by subtask. Empty for a fresh start. */
  readonly restore: Readonly<Record<string, readonly NodeRestore[]>>
  /** The job goes back: append sinks cut what later checkpoints published. */
  readonly rewind: boolean
  /** The checkpoint restored, if a batch run with keyed nodes ended with it. */
  readonly batchEnded?: number | undefined
}

export type ToWorker =
  /** Import the job file (or use the job given in-process) and describe its graph. */
  /** `job`: which one, of a file that has several. */
  | { readonly type: 'load'; readonly file: string; readonly job?: string; readonly input: BuildInput }
  /** Open and restore every subtask of this worker, do not run yet. `ports[i]` belongs to `addresses[i]`; outgoing and incoming. */
  | {
      readonly type: 'deploy'
      readonly worker: number
      readonly deployment: Deployment
      readonly addresses: readonly PortAddress[]
      readonly ports: readonly unknown[]
    }
  | { readonly type: 'start' }
  /** Step 1 of a checkpoint: enumerators snapshot. Sent only to workers that host one. */
  | { readonly type: 'snapshot-enumerators'; readonly checkpoint: number }
  /** Step 2: sources emit the barrier. `folder`: absolute folder of the checkpoint, already made. */
  | { readonly type: 'trigger'; readonly checkpoint: number; readonly final: boolean; readonly folder: string }
  /** `kept` (default true): it can be restored, so that sinks commit. */
  | { readonly type: 'complete'; readonly checkpoint: number; readonly final: boolean; readonly kept?: boolean }
  /** After the last commit of a run whose input ended: wait for sinks that pass on later; answer 'passed-on'. */
  | { readonly type: 'pass-on' }
  | { readonly type: 'abort'; readonly checkpoint: number }
  | { readonly type: 'enumerator'; readonly message: EnumeratorMessage }
  /** Sources that are further ahead than they may be wait. */
  | { readonly type: 'align'; readonly groups: readonly GroupProgress[] }
  /** Close every task now, whatever it does; answer 'cancelled'. */
  | { readonly type: 'cancel' }
  /** Run the job's onStart hooks (before the first deploy) or onFinished hooks (at the very end); answer 'hooks-done' or 'failed'. */
  | { readonly type: 'hooks'; readonly which: 'start' | 'finish' }
  | { readonly type: 'ping'; readonly n: number }

export type FromWorker =
  | { readonly type: 'loaded'; readonly graph: GraphDescription; readonly options: JobOptions }
  | { readonly type: 'deployed' }
  | { readonly type: 'enumerators-snapshotted'; readonly checkpoint: number }
  | { readonly type: 'ack'; readonly checkpoint: number; readonly snapshot: TaskSnapshot }
  | {
      readonly type: 'decline'
      readonly checkpoint: number
      readonly task: number
      readonly subtask: number
      readonly failure: FailureInfo
    }
  /** The subtask has read or been told the end of all its inputs and passed it on. */
  | { readonly type: 'drained'; readonly task: number; readonly subtask: number }
  /** Every sink of the worker has committed this checkpoint. */
  | { readonly type: 'committed'; readonly checkpoint: number }
  /** Every sink of the worker has passed on what it committed. */
  | { readonly type: 'passed-on' }
  | { readonly type: 'failed'; readonly failure: FailureInfo }
  | { readonly type: 'cancelled' }
  | { readonly type: 'hooks-done' }
  | { readonly type: 'enumerator'; readonly message: EnumeratorMessage }
  | { readonly type: 'request-checkpoint' }
  /** Sent first while deploying. */
  | { readonly type: 'reached'; readonly report: AlignmentReport }
  | { readonly type: 'metrics'; readonly nodes: readonly NodeMetrics[]; readonly heapBytes: number }
  | {
      readonly type: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
  | { readonly type: 'pong'; readonly n: number }

/** The two ends of the connection, over a thread's port or within one thread. */
export interface Link<Send, Receive> {
  post(message: Send, transfer?: readonly unknown[]): void
  onMessage(handler: (message: Receive) => void): void
  close(): void
}
