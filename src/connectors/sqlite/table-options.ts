// Options of the sinks for one table, checked.

import { z } from 'zod'
import { parseOptions } from '../cdc/parse-options.ts'

/** Options of sqliteTable and sqliteTableChanges. */
export interface SqliteTableOptions {
  /** The database file; made if it is not there. */
  readonly file: string
  readonly table: string
  /** Make the table if it is not there: with these `columns`, or with columns fitting the first row. Default false. */
  readonly create?: boolean
  /** Columns for `create`: name and declared type, e.g. { id: 'INTEGER', name: 'TEXT NOT NULL' }. */
  readonly columns?: Readonly<Record<string, string>>
  /** How long to wait for another program's lock. Default 30,000. */
  readonly busyMs?: number
}

export interface TableOptions {
  readonly file: string
  readonly table: string
  readonly key: readonly string[] | undefined
  readonly create: boolean
  readonly columns: Readonly<Record<string, string>> | undefined
  readonly busyMs: number
}

// A declared type is SQL: words, numbers in parentheses, and quoted literals; nothing that could end the statement.
const declaredType = z.string().regex(/^[\w\s(),.'+-]*$/, 'expected a declared type such as TEXT NOT NULL')

const schema = z.strictObject({
  file: z.string().min(1),
  table: z.string().min(1),
  key: z.array(z.string().min(1)).min(1).optional(),
  create: z.boolean().default(false),
  columns: z.record(z.string(), declaredType).optional(),
  busyMs: z.int().min(0).default(30_000),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseTableOptions(
  options: SqliteTableOptions & { readonly key?: readonly string[] },
  sink: string,
): TableOptions {
  const { key, columns, ...rest } = parseOptions(schema, options, sink)
  return { ...rest, key, columns }
}
