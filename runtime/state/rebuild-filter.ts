import { setTimeout as delay } from 'node:timers/promises'
import type { PersistedFilter } from './persisted-filter.ts'
import type { RocksStore } from './rocks-store.ts'
import { MAIN, readMainRowKey, rowRange } from './row-key.ts'

/** Of the time that reading takes, how much is paused: the task comes first, and until it is done each new key costs a read. */
const PAUSE_RATIO = 4

export interface FilterRebuild {
  readonly store: RocksStore
  readonly range: { readonly start: number; readonly end: number }
  readonly filter: PersistedFilter
  readonly stop: AbortSignal
}

/**
 * Tells the filter of a restored database, in the background, which keys have rows. Keys that get a row meanwhile are in the
 * heap, and added when they leave it. One key group at a time, so that no iterator keeps old files alive for long.
 */
export async function rebuildFilter({ store, range, filter, stop }: FilterRebuild): Promise<void> {
  for (let group = range.start; group < range.end; group++) {
    const { from, to } = rowRange(MAIN, group, group + 1)
    let began = performance.now()
    for await (const rows of store.scan(from, to)) {
      for (const [row] of rows) filter.add(readMainRowKey(row))
      await delay((performance.now() - began) * PAUSE_RATIO, undefined, { signal: stop, ref: false })
      began = performance.now()
    }
    if (stop.aborted) return
  }
  filter.known()
}
