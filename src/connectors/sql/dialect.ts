// What sinks ask of a SQL database. A sink is a dialect and its options; batches, rounds, retries and epochs are written once.

/**
 * What an error means for what was being written: `retry` the transaction (deadlock, lock wait); `connect` anew (lost, restarting, full of
 * connections, read-only for a while); a `row` does not fit; anything else is `fatal` and needs someone's hand.
 */
export type ErrorClass = 'retry' | 'connect' | 'row' | 'fatal'

/** Rows of a table as arrays, and how they are told apart. */
export interface SqlTable {
  /** For messages: `shop.orders`. */
  readonly name: string
  /** Rows are told apart by key; by all their values, equal ones being counted; or are only added, in order. */
  readonly rows: 'keyed' | 'counted' | 'added'
  /** Two keys of different text may be one for the database. */
  readonly looseKey: boolean
  /** What differs where the keys of two rows differ (of counted rows: the rows); good as the key of a Map. */
  idOf(row: readonly unknown[]): unknown
}

/** A row that its table refused. */
export interface DeadLetter {
  readonly table: string
  readonly op: 'write' | 'delete'
  readonly values: readonly unknown[]
  readonly reason: string
}

/**
 * One connection. Calls never overlap; each throws the driver's error. A statement that fails leaves the transaction as it was before it,
 * or ends it: `retry` and `connect` errors only.
 */
export interface SqlSession<Table extends SqlTable> {
  begin(): Promise<void>
  commit(): Promise<void>
  rollback(): Promise<void>
  /** There is one at a time. */
  savepoint(): Promise<void>
  rollbackToSavepoint(): Promise<void>
  /** Adds rows, in order, or replaces those with their keys. Their keys differ. */
  write(table: Table, rows: readonly (readonly unknown[])[]): Promise<void>
  /** Deletes the rows with the keys of these, where they are. */
  remove(table: Table, rows: readonly (readonly unknown[])[]): Promise<void>
  /** Deletes as many rows, at most, that are equal to this one in every value; gives how many it were. For counted rows. */
  removeEqual(table: Table, row: readonly unknown[], count: number): Promise<number>
  /** Keeps what could not be written, in the transaction under way. Repeating it changes nothing. */
  keep(letter: DeadLetter): Promise<void>
  /** Where a writer is, its row locked until the transaction ends. */
  marker(writer: string): Promise<EpochMarker>
  setMarker(writer: string, marker: EpochMarker): Promise<void>
  /** At once, whatever is under way. */
  close(): void
}

/** What the ledger says of a writer: its last epoch, and of the next one how many records are in (-1 and 0 at first). */
export interface EpochMarker {
  readonly epoch: number
  readonly part: { readonly epoch: number; readonly records: number }
}

/** A kind of database. */
export interface SqlDialect<Table extends SqlTable> {
  connect(): Promise<SqlSession<Table>>
  classOf(error: unknown): ErrorClass
  /** One line, with what mends it where that is known; never a secret. */
  explain(error: unknown): string
}
