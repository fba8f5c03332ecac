import type { Batch } from '../../src/record/batch.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import type { SnapshotPart } from './chain-node.ts'

/** Drives one kind of sink to its guarantee. One call at a time; the function is open when open() is called. */
export interface SinkRunner {
  /** Repeats the restored commits and forgets what came after them. */
  open(restore: NodeRestore | undefined): Promise<void>
  write(batch: Batch): Pending
  /** All records of the epoch were written. */
  finishEpoch(epoch: number): Pending
  freeze(epoch: number): SnapshotPart
  /** Begins or does the commits of every epoch up to this checkpoint. */
  complete(checkpoint: number): Pending
  /** Resolves when every commit begun so far is done. */
  settled(): Promise<void>
  /** Before the function is closed. */
  close(): Promise<void>
}
