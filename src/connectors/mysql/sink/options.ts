// Options of the sinks, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import type { SchemaChangeBehavior } from '../../sql/schema-evolution.ts'
import {
  type ConnectionSettings,
  connectionFields,
  connectionSettings,
  type MysqlConnectionOptions,
} from '../connection.ts'
import { ORIGIN, ORIGIN_EXPECTED } from '../origin.ts'

/** What to do with a row that its table refuses: fail the job, or keep it in the table `millrace_dead_letters` and go on. */
export type OnRowError = 'fail' | 'dead-letter'

/** What every sink of this connector may be told. */
export interface MysqlSinkOptions extends MysqlConnectionOptions {
  /** Default `fail`. */
  readonly onRowError?: OnRowError
  /** Most rows in one round of transactions. Default 8,192. */
  readonly batchRows?: number
  /** The longest that a row waits for others before it is written, in ms. Default 200. */
  readonly batchMs?: number
  /** How long to try again while the server is away or rows are locked, before the job restarts. Default 60,000. */
  readonly retryMs?: number
  /**
   * Database of the sink's own tables: how far it is, columns' former names, dead letters. Default: the connection's, else `millrace`. Jobs of
   * one name that write to one server need one each.
   */
  readonly ledger?: string
  /**
   * Marks each transaction of this sink in the target's log as coming from this place, so that mysqlChanges({ skipOrigins }) there leaves it
   * out. Lower-case letters, digits and `. _ -`, at most 48. Default: no mark.
   */
  readonly origin?: string
}

/** Options of mysqlTable and mysqlTableChanges. */
export interface MysqlTableOptions extends MysqlSinkOptions {
  /** `orders`, in the database of the connection; or `shop.orders`. */
  readonly table: string
  /** Make the table if it is not there: with these `columns`, or with columns fitting the first row. Default false. */
  readonly create?: boolean
  /** Columns for `create`: name and declared type, e.g. { id: 'BIGINT', name: 'VARCHAR(40) NOT NULL' }. */
  readonly columns?: Readonly<Record<string, string>>
  /** Connections that write at once, split by key. Default 4; tables without a key have one. */
  readonly writers?: number
}

/** Options of mysqlTables. */
export interface MysqlTablesOptions extends MysqlSinkOptions {
  /**
   * Source table, or pattern with `*`, to target table: { 'shop.orders': 'dw.orders', 'shop.*': 'dw.*' }; the first that fits. Without:
   * into the database of the connection if one is given, else into databases of the same names.
   */
  readonly tables?: Readonly<Record<string, string>>
  /** Default `lenient`. */
  readonly schemaChange?: SchemaChangeBehavior
  /** Connections that write at once, split by key. Default 4. */
  readonly writers?: number
  /** `source`: a transaction of the source shows as a whole in the target, over one connection. Default `batch`. */
  readonly transaction?: 'batch' | 'source'
  /** `exactly-once` is for tables without a key too: one transaction for each checkpoint, over one connection. Default `upsert`. */
  readonly delivery?: 'upsert' | 'exactly-once'
  /** Existing target tables with UNIQUE indexes beside the key: `refuse` (default), or `keep` and let colliding rows replace each other. */
  readonly uniqueIndexes?: 'refuse' | 'keep'
}

/** What a sink is set to, complete. */
export interface SinkSettings {
  readonly connection: ConnectionSettings
  readonly onRowError: OnRowError
  readonly batchRows: number
  readonly batchMs: number
  readonly retryMs: number
  readonly ledger: string
  readonly origin: string | undefined
  readonly writers: number
}

/** MysqlTableOptions, complete. */
export interface TableSettings extends SinkSettings {
  readonly table: string
  readonly key: readonly string[] | undefined
  readonly create: boolean
  readonly columns: Readonly<Record<string, string>> | undefined
}

/** MysqlTablesOptions, complete. */
export interface TablesSettings extends SinkSettings {
  readonly tables: Readonly<Record<string, string>>
  readonly schemaChange: SchemaChangeBehavior
  readonly transaction: 'batch' | 'source'
  readonly delivery: 'upsert' | 'exactly-once'
  readonly uniqueIndexes: 'refuse' | 'keep'
}

const sinkFields = {
  ...connectionFields,
  onRowError: z.enum(['fail', 'dead-letter']).default('fail'),
  batchRows: z.int().min(1).max(1_000_000).default(8192),
  batchMs: z.int().min(0).default(200),
  retryMs: z.int().min(0).default(60_000),
  ledger: z.string().min(1).optional(),
  origin: z.string().regex(ORIGIN, ORIGIN_EXPECTED).optional(),
  writers: z.int().min(1).max(64).default(4),
}

// A declared type is SQL: words, numbers in parentheses, and quoted literals; nothing that could end the statement.
const declaredType = z.string().regex(/^[\w\s(),.'+-]*$/, 'expected a declared type such as VARCHAR(40) NOT NULL')

const tableSchema = z.strictObject({
  ...sinkFields,
  table: z.string().min(1),
  key: z.array(z.string().min(1)).min(1).optional(),
  create: z.boolean().default(false),
  columns: z.record(z.string(), declaredType).optional(),
})

const tablesSchema = z.strictObject({
  ...sinkFields,
  tables: z.record(z.string().min(1), z.string().min(1)).default({}),
  schemaChange: z.enum(['evolve', 'tryEvolve', 'lenient', 'ignore', 'exception']).default('lenient'),
  transaction: z.enum(['batch', 'source']).default('batch'),
  delivery: z.enum(['upsert', 'exactly-once']).default('upsert'),
  uniqueIndexes: z.enum(['refuse', 'keep']).default('refuse'),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseTableOptions(
  options: MysqlTableOptions & { readonly key?: readonly string[] },
  sink: string,
): TableSettings {
  const { table, key, create, columns, ...rest } = parseOptions(tableSchema, options, sink)
  return { ...sinkSettings(rest, sink), table, key, create, columns }
}

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseTablesOptions(options: MysqlTablesOptions, sink: string): TablesSettings {
  const parsed = parseOptions(tablesSchema, options, sink)
  const { tables, schemaChange, transaction, delivery, uniqueIndexes, ...rest } = parsed
  if (transaction === 'source' && delivery === 'exactly-once') {
    const reason = 'with delivery exactly-once a transaction is what lies between two checkpoints: leave it out'
    throw new MillraceError('CONNECTOR_OPTION', { path: 'transaction', connector: sink, reason })
  }
  return { ...sinkSettings(rest, sink), tables, schemaChange, transaction, delivery, uniqueIndexes }
}

function sinkSettings(
  {
    onRowError,
    batchRows,
    batchMs,
    retryMs,
    ledger,
    origin,
    writers,
    ...rest
  }: z.output<z.ZodObject<typeof sinkFields>>,
  sink: string,
): SinkSettings {
  const connection = connectionSettings(rest, sink)
  const own = ledger ?? connection.database ?? 'millrace'
  return { connection, onRowError, batchRows, batchMs, retryMs, ledger: own, origin, writers }
}
