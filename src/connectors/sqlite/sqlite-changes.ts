import type { SourceFunction } from '../../contract/source-function.ts'
import type { Change } from '../../record/change.ts'
import { ChangeSource, type ChangeSplit } from '../cdc/index.ts'
import { removeCapture } from './capture.ts'
import { SqliteDatabase } from './database.ts'
import { parseChangesOptions, type SqliteChangesOptions } from './options.ts'
import { SqlitePort } from './sqlite-port.ts'
import type { SqliteValue } from './value.ts'

/**
 * The tables of a SQLite file in full, then every change of them, from whatever program. Triggers in the file keep the log;
 * removeSqliteChanges takes them out again. Throws CONNECTOR_OPTION.
 */
export function sqliteChanges(
  options: SqliteChangesOptions & { readonly rows: 'array' },
): SourceFunction<Change<SqliteValue[]>, ChangeSplit>
export function sqliteChanges<Row = Record<string, SqliteValue>>(
  options: SqliteChangesOptions,
): SourceFunction<Change<Row>, ChangeSplit>
export function sqliteChanges<Row>(options: SqliteChangesOptions): SourceFunction<Change<Row>, ChangeSplit> {
  const settings = parseChangesOptions(options)
  const { startup, discoveryIntervalMs, schemaChanges, stopWhen } = settings
  const boundedness = startup === 'snapshot' || stopWhen !== undefined ? 'bounded' : 'unbounded'
  return new ChangeSource<Row>(
    () => new SqlitePort<Row>(settings),
    { startup, discoveryIntervalMs, schemaChanges, endsItself: stopWhen !== undefined },
    boundedness,
  )
}

/** Takes the triggers and tables of sqliteChanges out of a file, for good. Jobs that read from it then start with --fresh. */
export function removeSqliteChanges(options: { readonly file: string; readonly busyMs?: number }): void {
  const database = new SqliteDatabase(options.file, options.busyMs ?? 30_000)
  try {
    removeCapture(database)
  } finally {
    database.close()
  }
}
