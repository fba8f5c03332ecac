// The parts of a change source: chunks of tables and the log. Plain data; replaced on progress, never changed in place.

import type { KeyBound, KeyOrder, KeyRange, Offset } from './port.ts'

/** Rows of a chunk from `from` on were read when the log stood at `high`. Ends where the next part begins. */
export interface ChunkPart {
  readonly from: KeyBound | null
  readonly high: Offset
}

/** One chunk of one table. `read` grows as it is read; what is left starts at `next`. */
export interface ChunkSplit {
  readonly kind: 'chunk'
  readonly id: string
  readonly table: string
  /** Which snapshot of the table this belongs to. */
  readonly generation: number
  readonly index: number
  readonly range: KeyRange
  /** By which the table was split. */
  readonly order?: KeyOrder
  readonly read: readonly ChunkPart[]
  /** When the last part was read: not before its `high`, which rows that were read again are taken back to. */
  readonly readAt?: Offset
  readonly next: KeyBound | null
  /** An offset before which nothing of this chunk was read. */
  readonly since: Offset
  /**
   * The chunk may have been read before, in an attempt that failed: what is left of it is given as of this offset, which
   * lies before any such read.
   */
  readonly asOf?: Offset
  /** Read to its end, but the enumerator has not yet said that a checkpoint will know. */
  readonly done: boolean
}

/** A table in the log. */
export interface LogTable {
  readonly table: string
  readonly generation: number
  /** Its changes are still judged chunk by chunk. */
  readonly gated: boolean
  /** Changes at or before this were emitted already, before the log was set back for another table. */
  readonly floor?: Offset
  /** The table leaves the source behind this offset. */
  readonly until?: Offset
  /** Told to be empty, with no row since. */
  readonly emptied?: true
  /** Truncated while gated: its snapshot starts over and its changes are dropped until it joins again. */
  readonly restarting?: true
}

/** The change log. There is one, or none yet. */
export interface LogSplit {
  readonly kind: 'log'
  readonly id: 'log'
  /** Everything at or before this was handled. */
  readonly position: Offset
  /** No snapshot was asked for: every captured table counts, none is listed. */
  readonly all: boolean
  readonly tables: readonly LogTable[]
  /** The source ends here. */
  readonly until?: Offset
}

export type ChangeSplit = ChunkSplit | LogSplit

/** Which table, and which snapshot of it. */
export interface TableRef {
  readonly table: string
  readonly generation: number
}

/** What a reader tells the enumerator. */
export type ToEnumerator =
  | (TableRef & {
      readonly type: 'finished'
      readonly id: string
      readonly index: number
      readonly parts: readonly ChunkPart[]
      readonly readAt: Offset | undefined
    })
  /** The log is here (again), with these tables. */
  | { readonly type: 'log'; readonly tables: readonly LogTable[] }
  | (TableRef & { readonly type: 'gates'; readonly from: number })
  | { readonly type: 'joined'; readonly tables: readonly TableRef[] }
  | (TableRef & { readonly type: 'pure' })
  | (TableRef & { readonly type: 'restart' })
  /** A table that was missed, and of which nothing that was told stays: the log has let go of it. */
  | (TableRef & { readonly type: 'left' })
  | { readonly type: 'ended' }
  | { readonly type: 'tick' }

/** What the enumerator tells a reader. */
export type ToReader =
  | { readonly type: 'ack'; readonly ids: readonly string[] }
  /** Their rows are as of no place before `low`, and were read at none behind `high`. */
  | { readonly type: 'join'; readonly tables: readonly (TableRef & { readonly low: Offset; readonly high: Offset })[] }
  /** It is no longer asked for. */
  | (TableRef & { readonly type: 'leave'; readonly after: Offset })
  /** It was not there at a moment before `after`. */
  | (TableRef & { readonly type: 'missing'; readonly after: Offset })
  | (TableRef & { readonly type: 'forget' })
  | (TableRef & {
      readonly type: 'gates'
      readonly parts: readonly ChunkPart[]
      readonly next: number | undefined
      readonly order: KeyOrder | undefined
    })
  | { readonly type: 'hold'; readonly offset: Offset | undefined }

export function chunkId(table: string, generation: number, index: number): string {
  return `chunk/${generation}/${index}/${table}`
}
