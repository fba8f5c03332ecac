/** How a row changed: read by a snapshot, created, updated, deleted (Debezium's letters), or its table truncated. */
export type ChangeOp = 'r' | 'c' | 'u' | 'd' | 't'

export interface ChangeSource {
  readonly connector: string
  readonly database: string
  readonly table: string
  /** Where in the change log, in the connector's own notation; for a snapshot row, where its chunk was read. */
  readonly position: string
  /** Commit time in ms since the epoch; 0 where the source does not tell. */
  readonly timestampMs: number
  readonly snapshot: boolean
}

/** One change of one row. `before` is null for r and c, `after` for d; both are null for t. */
export interface Change<Row = Record<string, unknown>> {
  readonly op: ChangeOp
  readonly before: Row | null
  readonly after: Row | null
  /** Values of the key columns (of `after`, or of `before` where there is no after). */
  readonly key: readonly unknown[]
  readonly source: ChangeSource
}
