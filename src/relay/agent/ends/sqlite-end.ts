import {
  type SqliteChangesOptions,
  type SqliteTablesOptions,
  type SqliteValue,
  sqliteChanges,
  sqliteTables,
} from '../../../connectors/sqlite/index.ts'
import type { Change } from '../../../record/change.ts'
import { RememberedTables } from '../../changes/remembered-tables.ts'
import type { AgentEnd } from '../agent-end.ts'
import { withFixed } from '../fixed-options.ts'

const ONE = { parallelism: 1 } as const

/** Rows as arrays, integers as bigints, text as it is, NULLs in keys: nothing is lost whatever the schema. */
const EXACT = {
  rows: 'array',
  integers: 'bigint',
  invalidText: 'keep',
  nullableKeys: 'rowid',
  schemaChanges: true,
} as const

/** Tables of one file into another one: options of `sqliteChanges` but those of how rows look, and of `sqliteTables`. */
export const sqliteEnd: AgentEnd<Change<SqliteValue[]>> = {
  handledAs: () => 'changes',
  read: (flow, options) =>
    flow.from('from', sqliteChanges<SqliteValue[]>(withFixed(options, EXACT) as unknown as SqliteChangesOptions)),
  arrive: (stream) => stream.process('tables', () => new RememberedTables<SqliteValue[]>(), ONE),
  write: (stream, options) => stream.to('to', sqliteTables(options as unknown as SqliteTablesOptions), ONE),
}
