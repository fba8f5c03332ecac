import type { Batch } from '../../src/record/batch.ts'

/**
 * Records in the order of a spool (by hash of the key, key, event time, arrival), batch after batch; undefined after the last. Of one
 * batch all records have an event time or none has. Wait for a returned promise before the next call.
 */
export interface SortedBatches {
  next(): Batch | undefined | Promise<Batch | undefined>
  /** Lets go of what it reads from. */
  close(): Promise<void>
}

/** Where a record without event time stands among those with one. */
export const NO_TIME = Number.NEGATIVE_INFINITY
