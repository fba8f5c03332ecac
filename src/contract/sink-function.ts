// Sinks: three kinds, by what the world can promise. The machine drives each of them to exactly-once.

import type { RuntimeContext } from './runtime-context.ts'

export type DeliveryGuarantee = 'exactly-once' | 'upsert' | 'at-least-once'

/**
 * Where records go. Extend one of the three below. Calls never overlap; a throw fails the job, which restarts
 * from its latest complete checkpoint, with new objects.
 */
export abstract class RichSinkFunction<T> {
  abstract readonly kind: 'upsert' | 'epoch' | 'append'
  abstract readonly guarantee: DeliveryGuarantee
  /** May a job go back to an older checkpoint without this sink's readers seeing anything twice? */
  abstract readonly rewindable: boolean
  /** Only in the types: a sink may take more than the stream has, never less. */
  declare protected readonly takes: (record: T) => void
  /** The parallelism it runs at, if it can at one only. Another one is refused when the graph is built. */
  readonly parallelism?: number
  open(_context: RuntimeContext): void | Promise<void> {}
  /**
   * For sinks that pass on later what they committed: called once, after the last commit of a run whose input ended; the job has finished
   * when it resolves. Neither a stop nor a failure waits for it: close() may come before it has settled.
   */
  drained?(): Promise<void>
  /** Always called, also after a failure or a failed open. */
  close(): void | Promise<void> {}
}

/** Keyed and idempotent: writing the same records again in the same order leaves the same result. Visible at once. */
export abstract class UpsertSinkFunction<T> extends RichSinkFunction<T> {
  readonly kind = 'upsert'
  readonly guarantee: DeliveryGuarantee = 'upsert'
  readonly rewindable: boolean = true
  /** In order. May buffer. */
  abstract write(records: readonly T[]): void | Promise<void>
  /** At each barrier: returns only when all that was written is durable in the target. */
  abstract flush(): void | Promise<void>
}

/** Batches of records as bytes. */
export interface LogCodec<T> {
  /** The bytes are not written to again. */
  encode(batch: readonly T[]): Uint8Array
  /** What it gives may be views of the bytes. */
  decode(bytes: Uint8Array): readonly T[]
}

/**
 * Transactional target. The machine keeps an epoch's records in a log on disk; once the checkpoint is complete it calls
 * apply() for that epoch, in order of epochs, again after a crash until lastEpoch() says it is in.
 */
export abstract class EpochSinkFunction<T> extends RichSinkFunction<T> {
  readonly kind = 'epoch'
  readonly guarantee: DeliveryGuarantee = 'exactly-once'
  readonly rewindable: boolean = false
  /** How batches lie in the log; the same as long as epochs wait there. Default: msgpack, as between threads. */
  readonly logCodec?: LogCodec<T>
  /**
   * The last epoch the target holds of this writer (a stable name of job, node and subtask), read from the target; -1 if none.
   * Asked when the sink opens. `isRestored`: epochs of this writer wait to be applied, so it was asked of the target before: a target
   * that forgets markers can tell a lost one from none, and must throw.
   */
  abstract lastEpoch(writer: string, isRestored: boolean): number | Promise<number>
  /**
   * Writes all batches and the marker (writer, epoch) in one transaction of the target. Never called with an empty epoch.
   * `batches` may be iterated again, from its beginning, to try once more.
   * Over a network a transaction sent just before its worker died may commit after lastEpoch() was read: compare the marker
   * inside the transaction too, and leave it be if it is there already.
   */
  abstract apply(writer: string, epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void>
}

/** Appends to something that can be cut back and published, such as files. State and committables must survive msgpack. */
export abstract class AppendSinkFunction<T> extends RichSinkFunction<T> {
  readonly kind = 'append'
  readonly guarantee: DeliveryGuarantee = 'exactly-once'
  readonly rewindable: boolean = true
  /**
   * After open: the states that prepare() returned in the restored checkpoint (of all former subtasks this one inherits).
   * Cuts back everything written after them, also parts published later if the job goes back to an older checkpoint (`rewound`: it
   * does, so that readers may have seen more than this checkpoint holds; true at each restart until a later checkpoint is complete).
   */
  abstract restore(states: readonly unknown[], checkpoint: number | undefined, rewound?: boolean): void | Promise<void>
  abstract write(records: readonly T[]): void | Promise<void>
  /** At a barrier: makes the epoch durable but not visible. `commit` is passed to commit() when the checkpoint is complete. */
  abstract prepare(epoch: number): AppendPrepared | Promise<AppendPrepared>
  /** Publishes. Idempotent: after a crash it is called again for the restored checkpoint. */
  abstract commit(committable: unknown): void | Promise<void>
}

export interface AppendPrepared {
  readonly state: unknown
  readonly commit: unknown | undefined
}
