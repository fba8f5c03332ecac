// The state backend's port: what a task needs of keyed state. Implemented in this folder over RocksDB.

import type { KeyedContext } from '../../src/contract/keyed-context.ts'
import type { Batch } from '../../src/record/batch.ts'
import type { Key } from '../../src/util/key-group.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'

export interface KeyedBackendOptions {
  readonly node: string
  readonly subtask: number
  readonly keyGroups: number
  /** Groups owned: from start to before end. */
  readonly range: { readonly start: number; readonly end: number }
  /** Disposable folder for the live database. */
  readonly workFolder: string
  /** Heap for entries; beyond it cold ones are evicted to RocksDB. Infinity: never. */
  readonly cacheBytes: number
  /** Read all rows at open, so that no read ever waits and nothing need be prefetched: for small state. Default false. */
  readonly loadAll?: boolean
  readonly now: () => number
}

export interface FiredTimer {
  readonly key: Key
  readonly timestamp: number
  readonly domain: 'event' | 'processing'
}

/** A snapshot under way: frozen at the barrier, encoded in slices, then written and linked. */
export interface KeyedSnapshot {
  /** Encodes for at most about `budgetMs`; true when everything is encoded. Cheap to call when done. */
  encodeSlice(budgetMs: number): boolean
  /** After everything is encoded: write, sync, link into `<checkpointFolder>/<handle.folder>`. */
  finish(checkpointFolder: string, folderName: string): Promise<StateHandle>
  /** The checkpoint was aborted: what was frozen is still dirty for the next one. */
  abandon(): void
}

/** Keyed state of one node in one subtask. One caller at a time. */
export interface KeyedBackend extends KeyedContext {
  /** Opens empty, or from handles: by linking where one handle holds exactly this range, else by copying the owned groups. */
  open(restore: readonly { readonly folder: string; readonly handle: StateHandle }[]): Promise<void>
  /** Makes the states of these keys resident until the next prefetch. Undefined when they already are (the fast path). */
  prefetch(keys: readonly Key[]): Promise<void> | undefined
  /** Starts to fetch for a batch that will be processed soon; never throws. */
  prefetchAhead(batch: Batch): void
  /**
   * Timers that come late are in RocksDB only. To be awaited before takeDueTimers(), which then gives at least one if one is due.
   * Undefined when nothing need be read (the fast path).
   */
  readDueTimers(domain: 'event' | 'processing', upTo: number): Promise<void> | undefined
  /** Timers with timestamp <= upTo, at most `limit`, by time; they are removed. Prefetch their keys before firing. */
  takeDueTimers(domain: 'event' | 'processing', upTo: number, limit: number): readonly FiredTimer[]
  /** No timer of the domain is earlier, undefined if there is none. It may be later if it is in RocksDB only. */
  nextTimer(domain: 'event' | 'processing'): number | undefined
  advanceWatermark(timestamp: number): void
  /** At the barrier, synchronous and short: nothing is copied but the list of dirty keys. One at a time. */
  freeze(): KeyedSnapshot
  /** Bytes in the heap. */
  readonly residentBytes: number
  close(): Promise<void>
}
