// Options of mysqlChanges, checked.

import { z } from 'zod'
import { MillraceError } from '../../errors.ts'
import { type TimedStartup, tablePattern } from '../cdc/index.ts'
import { parseOptions } from '../cdc/parse-options.ts'
import {
  type ConnectionSettings,
  connectionFields,
  connectionSettings,
  type MysqlConnectionOptions,
} from './connection.ts'
import { ORIGIN, ORIGIN_EXPECTED } from './origin.ts'
import { type ShapeOptions, type ShapeSettings, shapeFields, shapeOptions } from './shape-options.ts'

const CONNECTOR = 'mysqlChanges'

/** Options of mysqlChanges: where the server is, which tables, where to begin, and what rows look like. */
export interface MysqlChangesOptions extends MysqlConnectionOptions, ShapeOptions {
  /**
   * Names as `database.table`, in which `*` stands for any characters and `?` for one; `!name` leaves one out. A name without a
   * database is in `database`. Where a name itself holds a dot or a backtick, it is quoted with backticks. Default: every table of
   * `database`, or of the server. What gh-ost and pt-online-schema-change make on their
   * way, and the tables that sinks of this connector keep for themselves, are meant only when named without `*` and `?`.
   */
  readonly tables?: readonly string[]
  /**
   * Where to begin. Default `initial`: the tables in full, then their changes. An offset is `binlog.000012:4567`, or a GTID set;
   * `timestampMs` begins with the first transaction committed at that time or later.
   */
  readonly startup?: TimedStartup
  /** Rows in a chunk, the unit that parallel readers share out. Default 8,192. */
  readonly chunkSize?: number
  /**
   * Columns that tell the rows of a table without a primary key apart, by `database.table`: those of a unique index, none of them
   * nullable. Such a table is then read in chunks as any other.
   */
  readonly chunkKey?: Readonly<Record<string, string | readonly string[]>>
  /** At most so many rows in a second while tables are read in full, over all readers. Default: no limit. */
  readonly rowsPerSecond?: number
  /** Ids that the readers of the log take in the server's replication, from `5400-5500` or exactly one. Default: random ones. */
  readonly serverId?: number | string
  /** How often the server is to say that it is there while nothing happens; twice as long without a word, and the connection is lost. Default 30,000. */
  readonly heartbeatMs?: number
  /** How often to look for new tables; 0: only at the start. Default 10,000. */
  readonly discoveryIntervalMs?: number
  /**
   * Leaves out transactions that a sink with the option `origin` wrote: of these origins, or (true) of any. Rows of a snapshot are taken
   * wherever they came from. Default: none is left out.
   */
  readonly skipOrigins?: true | readonly string[]
  /** Also give records of op `s`, with the columns of a table, before its rows and when they change. Default false. */
  readonly schemaChanges?: boolean
}

/** Options of mysqlChanges, complete. */
export interface MysqlSourceSettings {
  readonly connection: ConnectionSettings
  /** The patterns, each with its database. */
  readonly tables: readonly string[]
  readonly startup: TimedStartup
  readonly chunkSize: number
  readonly chunkKey: ReadonlyMap<string, readonly string[]>
  readonly rowsPerSecond: number | undefined
  /** From and to, both included; undefined: random. */
  readonly serverIds: readonly [number, number] | undefined
  readonly heartbeatMs: number
  readonly discoveryIntervalMs: number
  /** Whether transactions of that origin are left out. */
  readonly skipOrigins: true | readonly string[]
  readonly schemaChanges: boolean
  readonly shape: ShapeSettings
}

const SERVER_ID_MAX = 4_294_967_295

const schema = z.strictObject({
  ...connectionFields,
  ...shapeFields,
  tables: z.array(z.string()).optional(),
  startup: z
    .union(
      [
        z.enum(['initial', 'snapshot', 'latest', 'earliest']),
        z.strictObject({ offset: z.string().min(1) }),
        z.strictObject({ timestampMs: z.int().min(0) }),
      ],
      {
        error:
          "expected 'initial', 'snapshot', 'latest', 'earliest', { offset: 'file:position or GTID set' } or { timestampMs }",
      },
    )
    .default('initial'),
  chunkSize: z.int().min(1).default(8192),
  chunkKey: z.record(z.string(), z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])).default({}),
  rowsPerSecond: z.number().positive().optional(),
  serverId: z
    .union([z.int().min(1).max(SERVER_ID_MAX), z.string().regex(/^\d+(-\d+)?$/)], {
      error: `expected a number from 1 to ${SERVER_ID_MAX}, or two of them: '5400-5500'`,
    })
    .optional(),
  heartbeatMs: z.int().min(100).default(30_000),
  discoveryIntervalMs: z.number().min(0).default(10_000),
  skipOrigins: z
    .union([z.literal(true), z.array(z.string().regex(ORIGIN, ORIGIN_EXPECTED))], {
      error: 'expected true or a list of names, as sinks are told with origin',
    })
    .default([]),
  schemaChanges: z.boolean().default(false),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseChangesOptions(options: MysqlChangesOptions): MysqlSourceSettings {
  const parsed = parseOptions(schema, options, CONNECTOR)
  const connection = connectionSettings(parsed, CONNECTOR)
  const { startup, chunkSize, chunkKey, rowsPerSecond, serverId, heartbeatMs } = parsed
  const { discoveryIntervalMs, skipOrigins, schemaChanges } = parsed
  return {
    connection,
    tables: qualified(parsed.tables, connection.database),
    startup,
    chunkSize,
    chunkKey: new Map(Object.entries(chunkKey).map(([table, key]) => [table, typeof key === 'string' ? [key] : key])),
    rowsPerSecond,
    serverIds: serverId === undefined ? undefined : serverIds(serverId),
    heartbeatMs,
    discoveryIntervalMs,
    skipOrigins,
    schemaChanges,
    shape: shapeOptions(parsed),
  }
}

function wrong(path: string, reason: string): never {
  throw new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}

function serverIds(given: number | string): readonly [number, number] {
  const [from, to = from] = String(given).split('-').map(Number) as [number, number?]
  if (from >= 1 && to <= SERVER_ID_MAX && from <= to) return [from, to]
  return wrong('serverId', `"${given}" is not a number from 1 to ${SERVER_ID_MAX}, nor a range of them`)
}

/** Patterns with a database each. Throws CONNECTOR_OPTION where none is said. */
export function qualified(patterns: readonly string[] | undefined, database: string | undefined): readonly string[] {
  const known = database === undefined ? undefined : quotedPart(database)
  if (patterns === undefined) return known === undefined ? [] : [`${known}.*`]
  tablePattern(patterns, CONNECTOR)
  return patterns.map((pattern, index) => {
    const [, not, name] = /^(!?)([\s\S]*)$/.exec(pattern) as unknown as [string, string, string]
    if (hasDatabase(name)) return pattern
    if (known === undefined && name === '*') return pattern
    if (known === undefined)
      wrong(`tables[${index}]`, `"${pattern}" names no database: write database.table, or give the option database`)
    return `${not}${known}.${name}`
  })
}

function quotedPart(name: string): string {
  return /[.`]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name
}

/** Whether a dot stands outside of backticks. */
function hasDatabase(pattern: string): boolean {
  return pattern.replaceAll(/`(?:[^`]|``)*`/g, '').includes('.')
}

/** What gh-ost and pt-online-schema-change make beside a table and swap or drop later, and what sinks of ours keep for themselves. */
const GHOST =
  /(?:^|\.)`?(?:_.*_(?:gho|ghc|del|new|old)|millrace_(?:epochs|renames|schemas|dead_letters|probe|origin_.*))`?$/

/** A test of names as tableName gives them. `foldsCase`: the server compares names without case, so patterns do too. */
export function tableTest(patterns: readonly string[], foldsCase: boolean): (name: string) => boolean {
  const fold = (text: string): string => (foldsCase ? text.toLowerCase() : text)
  const folded = patterns.map(fold)
  const matches = tablePattern(folded, CONNECTOR)
  const named = new Set(folded.filter((pattern) => !/[*?]/.test(pattern)))
  return (name) => matches(fold(name)) && (named.has(fold(name)) || !GHOST.test(name))
}
