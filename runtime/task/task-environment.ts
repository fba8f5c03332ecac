// What a task is given to live in: who and where it is, the clock, the state backend, whom to tell.

import { join } from 'node:path'
import type { RuntimeContext } from '../../src/contract/runtime-context.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { FileSystem } from '../../src/util/file-system.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import type { KeyedBackend, KeyedBackendOptions } from '../state/keyed-backend.ts'
import type { NodeMeter } from './node-meter.ts'
import { maskFields, maskText } from './secrets.ts'
import type { LogLevel, TaskListener } from './task-port.ts'

export type OpenKeyedBackend = (options: KeyedBackendOptions) => KeyedBackend

export interface TaskEnvironment {
  readonly job: string
  readonly task: number
  readonly subtask: number
  readonly parallelism: number
  readonly keyGroups: number
  readonly attempt: number
  readonly mode: 'stream' | 'batch'
  readonly delivery: 'exactly-once' | 'at-least-once'
  /** Absolute: <data-dir>/<job>. */
  readonly jobDir: string
  /** Heap for each keyed node's state. */
  readonly cacheBytes: number
  readonly clock: Clock
  /** Where the logs of epoch sinks are; default: this machine's. */
  readonly fileSystem?: FileSystem
  readonly openBackend: OpenKeyedBackend
  readonly listener: TaskListener
  /** The absolute folder of a checkpoint; waits until the trigger has told it. Rejects when the checkpoint is aborted. */
  readonly folderOf: (checkpoint: number) => Promise<string>
  readonly restoreOf: (node: string) => NodeRestore | undefined
  /** The job goes back behind checkpoints that were complete. */
  readonly rewind?: boolean
  /** The checkpoint restored, if a batch run ended with it: keyed nodes kept no state. */
  readonly batchEnded?: number | undefined
}

/** The node's context, without what only its kind of function may do. */
export function nodeContext(environment: TaskEnvironment, node: string, meter: NodeMeter): RuntimeContext {
  const { job, subtask, parallelism, attempt, mode, clock, listener } = environment
  const log =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      listener.log(level, maskText(message), { ...maskFields(fields), node, subtask })
  return {
    job,
    node,
    subtask,
    parallelism,
    attempt,
    mode,
    directory: join(environment.jobDir, 'nodes', node),
    clock,
    metrics: meter.instruments,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  }
}

/** Disposable folder of one node's live state in this attempt. */
export function workFolder(environment: TaskEnvironment, node: string, suffix: string | number): string {
  return join(environment.jobDir, 'work', String(environment.attempt), `${node}-${suffix}`)
}
