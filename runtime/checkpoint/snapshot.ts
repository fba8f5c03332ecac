// What a subtask hands in for a checkpoint, and gets back for a restore. Small things travel in the message; keyed state is a folder.

import type { HeldState, StateSection } from './state-section.ts'

/** One file of a keyed state folder. */
export interface StateFile {
  readonly name: string
  readonly bytes: number
  /** CRC-32 of the content, unsigned. */
  readonly crc: number
}

/** A hard-link checkpoint of one RocksDB: `<checkpoint>/<folder>/`. */
export interface StateHandle {
  /** Relative to the checkpoint's folder. */
  readonly folder: string
  readonly files: readonly StateFile[]
  /** Key groups held: from start to before end. */
  readonly keyGroups: { readonly start: number; readonly end: number }
  /** States held, for compatibility checks. */
  readonly states: readonly HeldState[]
  /** In a savepoint state is no folder but a section of its file; `folder` then names it. */
  readonly section?: StateSection
}

/** One node's part of one subtask's snapshot. Every Uint8Array is msgpack. */
export interface NodeSnapshot {
  readonly node: string
  readonly subtask: number
  readonly keyed: StateHandle | undefined
  /** Operator.snapshot(), or AppendPrepared.state of a sink. */
  readonly operator: Uint8Array | undefined
  /** SourceReader.snapshot(): an array of splits. */
  readonly splits: Uint8Array | undefined
  /** SplitEnumerator.snapshot(); subtask 0 only. */
  readonly enumerator: { readonly small: Uint8Array; readonly state: StateHandle | undefined } | undefined
  /** What the sink is to commit once the checkpoint is complete (again after a restore). */
  readonly commit: Uint8Array | undefined
  /** Event time reached at the barrier, ms: of a source by split, of an operator that keeps state under OWN_WATERMARK. */
  readonly watermarks?: Readonly<Record<string, number>>
}

/** No split has an empty id. */
export const OWN_WATERMARK = ''

/** The durations of one subtask's part, ms. */
export interface SnapshotTimes {
  /** First to last barrier. */
  readonly alignMs: number
  /** The stretch in which no record could be processed. */
  readonly pauseMs: number
  /** From the freeze to the acknowledgement. */
  readonly asyncMs: number
}

export interface TaskSnapshot {
  readonly task: number
  readonly subtask: number
  readonly nodes: readonly NodeSnapshot[]
  readonly times: SnapshotTimes
  readonly stateBytes: number
}

/** What a task gets to restore a node: the snapshots of all former subtasks whose state concerns it. */
export interface NodeRestore {
  readonly node: string
  /** Absolute folder of the checkpoint. */
  readonly folder: string
  readonly checkpoint: number
  readonly keyed: readonly StateHandle[]
  readonly operator: readonly Uint8Array[]
  /** Already spread over the new subtasks. */
  readonly splits: Uint8Array | undefined
  readonly enumerator: NodeSnapshot['enumerator']
  readonly commits: readonly Uint8Array[]
  /** Over all former subtasks: of a source by split, of an operator the least, under OWN_WATERMARK. */
  readonly watermarks?: Readonly<Record<string, number>>
}
