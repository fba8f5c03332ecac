// Places in a binary log. Order is by server, file and position; from one server to another, by sets of GTIDs.

/** A place in the log, as in checkpoints. */
export interface MysqlOffset {
  /** server_uuid of a MySQL, `server-id N` of a MariaDB: file and pos mean something there only. '' in a place that a user gave: the connected server. */
  readonly server: string
  /** '' in a place that is given by its GTIDs alone. */
  readonly file: string
  /** Where the transaction begins that is next, or under way. */
  readonly pos: number
  /** How many changes of wanted tables were told of the transaction that begins at pos. */
  readonly rows: number
  /**
   * What is executed at pos: a MySQL GTID set or a MariaDB GTID position; '' where the server keeps none. Of a change's own place it may
   * be left out (then `gtid` says of which transaction it is).
   */
  readonly gtids?: string
  /** The GTID of the transaction under way, where the server gives one. */
  readonly gtid?: string
  /** When the file was begun (BinlogStream.created): tells it from a file of the same name made after the log was reset. */
  readonly created?: number
  /** Which tables `rows` counts: a fingerprint of the options. Present where rows > 0 in a place that may be kept. */
  readonly wanted?: string
  /**
   * Tables (by title) altered before this place whose columns were not told since, with what became of their columns. Only in places
   * that may be kept.
   */
  readonly altered?: AlteredTables
}

/** A column was renamed, or (from '') added, as the clause declares it, or (to '') dropped, at a position and a time of commit in ms. */
export type ColumnStep = readonly [from: string, to: string, declaredOrPosition?: string, timestampMs?: number]

/** What became of each altered table's columns, in order. */
export type AlteredTables = Readonly<Record<string, readonly ColumnStep[]>>
