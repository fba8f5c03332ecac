// Options of sqliteChanges, checked.

import { z } from 'zod'
import { type Startup, tablePattern } from '../cdc/index.ts'
import { parseOptions } from '../cdc/parse-options.ts'
import type { NullableKeys } from './capture.ts'
import type { InvalidTextMode } from './page-reader.ts'
import type { Integers, RowForm } from './row-shape.ts'

/** Options of sqliteChanges. */
export interface SqliteChangesOptions {
  /** The database file. */
  readonly file: string
  /** Names, in which `*` stands for any characters and `?` for one; `!name` leaves one out. Default: every table. */
  readonly tables?: readonly string[]
  /** Where to begin. Default `initial`: the tables in full, then their changes. */
  readonly startup?: Startup
  /** Rows in a chunk, the unit that parallel readers share out. Default 8,192. */
  readonly chunkSize?: number
  /** How often to look for changes when there were none. Default 50. */
  readonly pollMs?: number
  /** How often to look for new tables (known ones are watched at each poll); 0: only at the start. Default 10,000. */
  readonly discoveryIntervalMs?: number
  /** A query; when its first value is true at the end of the log, the source ends there. */
  readonly stopWhen?: string
  /**
   * What SQLite's integers become: all of them, or by `table.column`, `table` or `*`. Default `number`: an integer beyond 2^53
   * is an error that names the column, never a rounded number.
   */
  readonly integers?: Integers
  /** What text becomes that is not valid UTF-8. Default `fail`; `replace` loses bytes, `keep` gives { invalidUtf8: bytes }. */
  readonly invalidText?: InvalidTextMode
  /** Also give records of op `s`, with the columns of a table, before its rows and when they change. Default false. */
  readonly schemaChanges?: boolean
  /** This many of the latest log entries are kept for `--from-checkpoint`, even if no job needs them any more. Default 1,000,000. */
  readonly retainLogRows?: number
  /** How long to wait for another program's lock. Default 30,000. */
  readonly busyMs?: number
  /** `array`: rows are arrays of values in column order, which any column name survives. Default `object`. */
  readonly rows?: RowForm
  /**
   * What tells rows apart whose primary key may be NULL (SQLite allows it where NOT NULL is not said). Default `key`: a NULL in it
   * is an error; `rowid`: their row id, and no key can fail.
   */
  readonly nullableKeys?: NullableKeys
}

export interface SqliteSourceSettings {
  readonly file: string
  readonly isWanted: (table: string) => boolean
  readonly startup: Startup
  readonly chunkSize: number
  readonly pollMs: number
  readonly discoveryIntervalMs: number
  readonly stopWhen: string | undefined
  readonly integers: Integers
  readonly invalidText: InvalidTextMode
  readonly schemaChanges: boolean
  readonly retainLogRows: number
  readonly busyMs: number
  readonly rows: RowForm
  readonly nullableKeys: NullableKeys
}

const mode = z.enum(['number', 'bigint'])

const schema = z.strictObject({
  file: z.string().min(1),
  tables: z.array(z.string()).optional(),
  startup: z
    .union([z.enum(['initial', 'snapshot', 'latest', 'earliest']), z.strictObject({ offset: z.string() })])
    .default('initial'),
  chunkSize: z.int().min(1).default(8192),
  pollMs: z.number().min(1).default(50),
  discoveryIntervalMs: z.number().min(0).default(10_000),
  stopWhen: z.string().optional(),
  integers: z.union([mode, z.record(z.string(), mode)]).default('number'),
  invalidText: z.enum(['fail', 'replace', 'keep']).default('fail'),
  schemaChanges: z.boolean().default(false),
  retainLogRows: z.int().min(0).default(1_000_000),
  busyMs: z.int().min(0).default(30_000),
  rows: z.enum(['object', 'array']).default('object'),
  nullableKeys: z.enum(['key', 'rowid']).default('key'),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseChangesOptions(options: SqliteChangesOptions): SqliteSourceSettings {
  const parsed = parseOptions(schema, options, 'sqliteChanges')
  const { tables, stopWhen, ...rest } = parsed
  return { ...rest, stopWhen, isWanted: tablePattern(tables, 'sqliteChanges') }
}
