// A source: an enumerator (one for all subtasks) finds splits and hands them out; a reader (one per subtask) reads them.
// All a reader's durable state lives in its splits: a split read halfway IS its position.

import type { Batch } from '../record/batch.ts'
import type { KeyedContext } from './keyed-context.ts'
import type { RuntimeContext } from './runtime-context.ts'

/** A part of the source that one reader reads in order: a file, a partition, a chunk, a log. Plain data that survives msgpack. */
export interface SourceSplit {
  /** Unique within the source, the same after a restart. */
  readonly id: string
}

/** Progress as the terminal shows it. */
export interface SourceProgress {
  /** e.g. a table or a file */
  readonly item: string
  readonly done: number
  readonly total: number | undefined
  readonly unit: string
}

export interface EnumeratorContext<S extends SourceSplit> extends RuntimeContext {
  /** Gives splits to a reader. Those given before a snapshot are in that checkpoint's reader state, later ones are not. */
  assign(subtask: number, splits: readonly S[]): void
  /** Tells a reader that no more splits will come. A reader without splits then ends. */
  noMoreSplits(subtask: number): void
  /** Sends plain data to a reader's onEvent. In order with assign(), and like it before or behind the barrier of a snapshot. */
  send(subtask: number, event: unknown): void
  /** Asks for a checkpoint soon; several requests before it begins are one. */
  requestCheckpoint(): void
  /** State kept entry by entry in the checkpoint (as of snapshot()). In the heap: reads never wait. Key it as you like. */
  readonly state: KeyedContext
  /** What snapshot() returned in the restored checkpoint, or undefined. */
  readonly restored: unknown
  /** The job went back behind checkpoints that were complete: sinks may have seen whatever later attempts read. */
  readonly rewound?: boolean
  reportProgress(progress: readonly SourceProgress[]): void
}

/**
 * Finds and hands out splits. Lives beside subtask 0 of the source; calls never overlap.
 * Restored splits go back to readers by the machine, not through here.
 */
export interface SplitEnumerator {
  /** Once, before anything else. Declare state here with context.state.register. */
  start(): void | Promise<void>
  /** A reader has nothing to read: after its open, after its last split ended, and again whenever it calls requestSplit(). */
  onSplitRequest(subtask: number): void | Promise<void>
  /** What a reader sent with sendToEnumerator. May repeat after a restore. */
  onReaderEvent?(subtask: number, event: unknown): void | Promise<void>
  /** Small state beside context.state; must survive msgpack. */
  snapshot(checkpoint: number): unknown
  checkpointComplete?(checkpoint: number): void | Promise<void>
  close?(): void | Promise<void>
}

export interface ReaderContext extends RuntimeContext {
  requestSplit(): void
  /** Plain data to SplitEnumerator.onReaderEvent. What matters after a crash must also be in the splits until the enumerator answered. */
  sendToEnumerator(event: unknown): void
  reportProgress(progress: readonly SourceProgress[]): void
  /** A split was read to its end, with the batch of this poll() or before: event time does not wait for it. Only for readers with lastSplit. */
  splitFinished(id: string): void
}

/** What poll() answers: records, nothing now (wait for available()), or the end (all splits done and no more will come). */
export type Polled<T> = Batch<T> | 'idle' | 'end'

/** Reads splits. Calls never overlap. poll() may be given up on only by close(). */
export interface SourceReader<T, S extends SourceSplit> {
  open?(): void | Promise<void>
  /** New splits, or at the start the restored ones. */
  addSplits(splits: readonly S[]): void | Promise<void>
  noMoreSplits(): void
  onEvent?(event: unknown): void | Promise<void>
  /**
   * At most about `maxRecords` records, of one split, in order. Must not wait for data that may never come: answer 'idle'.
   * May be a promise while it reads what is there.
   */
  poll(maxRecords: number): Polled<T> | Promise<Polled<T>>
  /**
   * The id of the split that the batch poll() gave last is of; undefined if it says nothing of how far event time has come there (rows by
   * key, not by time). With it event time is followed per split, and splitFinished() is to be called; a reader without it counts as one.
   */
  readonly lastSplit?: string | undefined
  /**
   * These splits, and no others, are not to be read for now: in event time they are far ahead of other sources. Without it only the
   * whole reader can be kept waiting.
   */
  pauseSplits?(ids: ReadonlySet<string>): void
  /** Resolves when poll() may have something. Called after 'idle'; spurious wake-ups are fine. Must settle on close(). */
  available(): Promise<void>
  /** Unfinished splits at their present positions: a restored reader goes on with the record after the last one polled. */
  snapshot(checkpoint: number): readonly S[]
  /** The checkpoint is complete: what lies before its positions is never asked for again (except by --from-checkpoint). */
  checkpointComplete?(checkpoint: number): void | Promise<void>
  close?(): void | Promise<void>
}

/**
 * Where records come from. Pulled, replayable: after a restore the same splits give the same records from their positions on.
 * Extend it; factories of connectors return it.
 */
export abstract class SourceFunction<T, S extends SourceSplit = SourceSplit> {
  /** `bounded` sources end by themselves; others run until stopped (or, in batch mode, until what is there is read). */
  abstract readonly boundedness: 'bounded' | 'unbounded'
  /** False for a source that has no end in batch mode either: refused there. */
  readonly endsInBatch: boolean = true
  /** False for a source that cannot read again what it read: refused in exactly-once jobs. */
  readonly replayable: boolean = true
  abstract createEnumerator(context: EnumeratorContext<S>): SplitEnumerator
  abstract createReader(context: ReaderContext): SourceReader<T, S>
}
