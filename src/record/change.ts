/**
 * How a row changed: read by a snapshot, created, updated, deleted (Debezium's letters), its table truncated,
 * or (`s`) its table's columns being such and such from here on.
 */
export type ChangeOp = 'r' | 'c' | 'u' | 'd' | 't' | 's'

export interface ChangeSource {
  readonly connector: string
  readonly database: string
  readonly table: string
  /** Where in the change log, in the connector's own notation; for a snapshot row, where its chunk was read. */
  readonly position: string
  /** Commit time in ms since the epoch; 0 where the source does not tell. */
  readonly timestampMs: number
  readonly snapshot: boolean
  /** What the source calls the transaction (such as its GTID): the same for all its changes; absent where it has none. */
  readonly transaction?: string
}

/** One column as the source declares it. */
export interface ColumnSchema {
  readonly name: string
  /** The type as declared in the source; '' where it declares none. */
  readonly type: string
  readonly nullable: boolean
  /** The source computes it from other columns. */
  readonly generated: boolean
  /** What it was called before this change of the schema; absent if it is new or kept its name. */
  readonly renamedFrom?: string
  /** All its earlier names that the source knows of, the oldest first; absent if there is none. */
  readonly formerNames?: readonly string[]
  /** It was added since the columns were told last, and the statement declares it so: what existing rows have in it is known by that alone. */
  readonly declared?: string
}

/** A column that was dropped, and where in the log: what is told of the name from before that place is not of a column that has it now. */
export interface DroppedColumn {
  readonly name: string
  /** As ChangeSource.position. */
  readonly position: string
  /** As ChangeSource.timestampMs. */
  readonly timestampMs: number
}

/** The columns of a table at one time. */
export interface TableSchema {
  readonly columns: readonly ColumnSchema[]
  /** Names of the columns that make up Change.key; empty if the table has no key (Change.key is then the row's address). */
  readonly key: readonly string[]
  /** Columns that were dropped since the columns were told last, in that order; absent if there is none. */
  readonly dropped?: readonly DroppedColumn[]
  /** The statement that makes such a table in a database of the same kind, where the source knows it. */
  readonly definition?: string
}

/** One change of one row. `before` is null for r and c, `after` for d; both are null for t and s. */
export interface Change<Row = Record<string, unknown>> {
  readonly op: ChangeOp
  readonly before: Row | null
  readonly after: Row | null
  /** Values of the key columns (of `after`, or of `before` where there is no after); empty for t and s. */
  readonly key: readonly unknown[]
  /** The key before the update; present only where the update changed it. */
  readonly oldKey?: readonly unknown[]
  /** Present for s: the columns from here on. Repeating it changes nothing. */
  readonly schema?: TableSchema
  readonly source: ChangeSource
}
