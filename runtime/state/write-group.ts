import type { EncodedMap } from './entry-codec.ts'
import type { KeyEntry } from './key-entry.ts'
import type { StoreBatch } from './rocks-store.ts'
import type { Timer } from './timer.ts'

/**
 * Rows of one group. Groups are written one after the other: RocksDB takes the rows of several at once with half as much CPU again,
 * for it cannot put one beside the one before.
 */
const GROUP_ROWS = 4000

/** Rows to be written together, and whose they are. */
export class WriteGroup {
  readonly batch: StoreBatch
  readonly entries: KeyEntry[] = []
  readonly timers: Timer[] = []
  readonly maps: EncodedMap[] = []

  constructor(batch: StoreBatch) {
    this.batch = batch
  }

  get full(): boolean {
    return this.batch.rows >= GROUP_ROWS
  }

  /** The group will not be written: map entries that it held count as changed again. */
  undoMaps(): void {
    for (const { slot, changed } of this.maps) slot.touchRows(changed)
  }
}
