// What the incremental snapshot asks of a database. A change source is a port and its options; all else is shared.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'

/** A place in the change log. Plain data of the port's own making that survives msgpack; only the port compares it. */
export type Offset = NonNullable<unknown>

/** A key as the port writes it into checkpoints. Plain data of the port's own making; only the database compares it. */
export type KeyBound = NonNullable<unknown>

/** Keys from `from` (inclusive) to `to` (exclusive) in the database's order; null is without end. */
export interface KeyRange {
  readonly from: KeyBound | null
  readonly to: KeyBound | null
}

/** The next chunks of a table, in key order and without a gap. */
export interface TableSplit {
  readonly ranges: readonly KeyRange[]
  /** Given to the next call; undefined when the table is split to its end. */
  readonly resume: NonNullable<unknown> | undefined
  /**
   * What keys are ordered by, for openRouter(): the table may be gone when keys are routed, or be another one. Plain data of the port's own
   * making; that of a table's first ranges counts.
   */
  readonly order?: KeyOrder
}

/** See TableSplit. */
export type KeyOrder = NonNullable<unknown>

/**
 * Rows from the beginning of a range, as they were at one moment between `low` and `high`.
 * Rows committed at or before `low` are there; what `next` and what follows it hold was not read.
 */
export interface ChunkRead<Row> {
  /** Changes with op 'r'. */
  readonly rows: readonly Change<Row>[]
  readonly low: Offset
  readonly high: Offset
  /** Where to go on, greater than the range's start; null when the range is read to its end. */
  readonly next: KeyBound | null
  readonly schema: TableSchema
  /** Where these rows are from; the same for all of them. */
  readonly source: ChangeSource
  /** Nothing tells the rows apart: their keys are empty. They cannot be taken back to an earlier offset. */
  readonly keyless?: boolean
}

/** A piece of the log in commit order. */
export interface LogPage<Row> {
  readonly changes: readonly Change<Row>[]
  /** The place of each change. Never falls; two changes of one row never share one. */
  readonly offsets: readonly Offset[]
  /** The columns of each change's table at the time of the change: the same object while they stay the same. */
  readonly schemas: readonly TableSchema[]
  /** Indexes of truncations (`t`) behind which the table has rows that the log never had: they are read as at the beginning. */
  readonly replaced?: readonly number[]
  /** Reading from here gives what follows this page. At least the last of `offsets`; moves on also where nothing was captured. */
  readonly next: Offset
  /** The port itself decided that the source is to end behind this page. */
  readonly ended: boolean
}

/** An open change log. Calls never overlap. */
export interface ChangeLog<Row> {
  /** What is there, at most about `maxRecords`; an empty page if there is nothing. Does not wait for changes to happen. */
  read(maxRecords: number): LogPage<Row> | Promise<LogPage<Row>>
  /** Resolves when read() may give more; spurious wake-ups are fine. Settles on close(). */
  available(): Promise<void>
  close(): void | Promise<void>
}

/** Finds the interval a key lies in, in the database's order. */
export interface KeyRouter {
  /** For each key (as in Change.key), how many of the bounds are at or before it. */
  route(keys: readonly (readonly unknown[])[]): readonly number[] | Promise<readonly number[]>
  close(): void | Promise<void>
}

/** Where in the source the port is used. */
export type PortRole = 'enumerator' | 'reader'

/**
 * A database as a source of changes. One object for the enumerator and one for each reader; calls never overlap.
 *
 * A port promises:
 * P1. A commit that becomes visible to a read also lies at or before every currentOffset() asked for after that read.
 * P2. The log opened at o gives every change of the captured tables after o, once, in commit order, or throws if some are gone.
 * P3. readChunk's rows show every commit at or before `low` and none after `high`. A port that reads rows and offset in one
 *     consistent view gives low = high, and no backfill happens. A table without a key must be read so.
 * P4. splitTable's ranges are disjoint, in order, and cover every key there can be.
 * P5. discoverTables returns a table only when the log holds every change of it that commits from then on.
 */
export interface ChangePort<Row> {
  open(context: RuntimeContext, role: PortRole): void | Promise<void>
  close(): void | Promise<void>
  /** The tables that are there and match the options. */
  discoverTables(): Promise<readonly string[]>
  /** Whether the options ask for a table of this name, there or not. */
  isWanted(table: string): boolean
  currentOffset(): Offset | Promise<Offset>
  /** The oldest offset that the log can still be read from. */
  earliestOffset(): Offset | Promise<Offset>
  /** Checks an offset given by the user. Throws CONNECTOR_OPTION. */
  parseOffset(text: string): Offset
  /** The place before the first transaction committed at this time or later. Without it, startup cannot be a time. */
  offsetAt?(timestampMs: number): Offset | Promise<Offset>
  /** Negative, zero or positive, as a lies before, at or behind b. */
  compareOffsets(a: Offset, b: Offset): number
  /** Whether a change that says it is from `source` lies at or before an offset where no transaction is under way. Called without open(). */
  covers(offset: Offset, source: ChangeSource): boolean
  /** A table that is gone is one range without ends. */
  splitTable(table: string, resume: NonNullable<unknown> | undefined): TableSplit | Promise<TableSplit>
  /** At most about maxRecords rows. A table that is gone is empty. */
  readChunk(table: string, range: KeyRange, maxRecords: number): ChunkRead<Row> | Promise<ChunkRead<Row>>
  /** This range is likely to be read next, from its beginning: the port may begin with it. */
  prepareChunk?(table: string, range: KeyRange): void
  /** With `table`, only its changes are wanted; others may come too. */
  openLog(from: Offset, table?: string): ChangeLog<Row> | Promise<ChangeLog<Row>>
  /**
   * Columns of a table that were renamed, (from '') added as declared or (to '') dropped, at a position and time, before a place that a page
   * of the log ended at, and that no change of the table has shown yet.
   */
  columnsUntold?(
    table: string,
    at: Offset,
  ): readonly (readonly [from: string, to: string, declaredOrPosition?: string, timestampMs?: number])[]
  /** Bounds ascend. `order`: as splitTable() gave it; undefined where it gave none. */
  openRouter(table: string, bounds: readonly KeyBound[], order: KeyOrder | undefined): KeyRouter | Promise<KeyRouter>
  /** The name, as in discoverTables, of the table a change belongs to. */
  tableOf(change: Change<Row>): string
  /** A checkpoint with this position is complete: the log up to here is needed only to go back to an older checkpoint. */
  checkpointed?(offset: Offset): void | Promise<void>
}
