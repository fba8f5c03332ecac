// Options that every change source has.

/**
 * Where a source begins when there is no checkpoint: `initial` reads the tables, then follows the log; `snapshot` reads the
 * tables as of one moment and ends; `latest` and `earliest` follow the log from its end or its beginning; an offset from there.
 */
export type Startup = 'initial' | 'snapshot' | 'latest' | 'earliest' | { readonly offset: string }

/** Also: with the first transaction committed at this time or later, where the port can find it (offsetAt). */
export type TimedStartup = Startup | { readonly timestampMs: number }

export interface ChangeSourceOptions {
  /** The port says where its log ends, in batch mode too: what ends there is not where the log ends at the start. */
  readonly endsItself?: boolean
  readonly startup: TimedStartup
  /** How often to look for tables that came or went. 0: only when the job starts. With startup 'snapshot' they are those of the beginning. */
  readonly discoveryIntervalMs: number
  /** Also emit records of op 's'. */
  readonly schemaChanges: boolean
}
