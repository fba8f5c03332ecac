// What a task and the worker that hosts it say to each other. Plain data, fit to cross between threads.

import type { TaskSnapshot } from '../checkpoint/snapshot.ts'

/** An error on its way between threads: what a person needs, no objects. */
export interface FailureInfo {
  /** Of a MillraceError, else 'USER_FUNCTION' or the like chosen where it was caught. */
  readonly code: string
  readonly domain: 'user' | 'external' | 'internal'
  readonly retry: 'never' | 'backoff' | 'restart'
  readonly message: string
  readonly node: string | undefined
  readonly subtask: number | undefined
  /** The user's own file:line:column, first frame outside Millrace and node_modules. */
  readonly at: string | undefined
  readonly stack: string | undefined
  /** The record that was being handled, cut and masked. */
  readonly record: string | undefined
}

/** A message between the enumerator of a source and its readers, routed by the main thread. */
export interface EnumeratorMessage {
  readonly node: string
  /** To the enumerator, or to the reader of this subtask. */
  readonly to: 'enumerator' | number
  readonly from: 'enumerator' | number
  readonly body:
    | { readonly type: 'assign'; readonly splits: readonly unknown[] }
    | { readonly type: 'no-more-splits' }
    | { readonly type: 'event'; readonly event: unknown }
    | { readonly type: 'request-split' }
}

/** How far one subtask of a source has come in event time. */
export interface AlignmentReport {
  readonly group: string
  readonly node: string
  readonly subtask: number
  /** Ms since the epoch; Infinity: do not wait for it. */
  readonly reached: number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** What a task tells its host. Every call returns at once. */
export interface TaskListener {
  acknowledged(checkpoint: number, snapshot: TaskSnapshot): void
  declined(checkpoint: number, failure: FailureInfo): void
  drained(): void
  /** All sinks of the task have committed this checkpoint; at once if it has none. */
  committed(checkpoint: number): void
  failed(failure: FailureInfo): void
  enumerator(message: EnumeratorMessage): void
  requestCheckpoint(): void
  /** How far a source that waits for others has come. */
  reached(report: AlignmentReport): void
  log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void
}
