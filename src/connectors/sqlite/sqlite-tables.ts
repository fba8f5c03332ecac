// A sink for many tables: makes a database follow another one.
//
// Owns: the target's tables of the names that come, one writer for each.
//
// I1. Changes are applied in the order they come; a key is deleted before it is written elsewhere.
// I2. Records of op `s` come before the rows that have those columns: they make and alter tables. Older ones may come behind
//     newer ones, from another reader or after a restore. So a column that a record does not name stays; a column named by its
//     former name is written under its present one, which is why renames are kept in the target; and columns that are gone go
//     when the table is truncated, which the source does when columns were dropped.
// I3. Rows come with stale neighbours while a snapshot is under way: no constraint but the key may stand in their way.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { type RichSinkFunction, UpsertSinkFunction } from '../../contract/sink-function.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, TableSchema } from '../../record/change.ts'
import { quoteName } from './quote.ts'
import { type IndexColumn, OWN_PREFIX, readTable, type TableDefinition } from './table-definition.ts'
import { keyOfTable, TableWriter } from './table-writer.ts'
import { openTarget, type TargetDatabase } from './target-database.ts'
import type { SqliteValue } from './value.ts'

/** Options of sqliteTables. */
export interface SqliteTablesOptions {
  /** The database file; made if it is not there. */
  readonly file: string
  /** How long to wait for another program's lock. Default 30,000. */
  readonly busyMs?: number
}

/**
 * Changes of many tables into tables of the same names, which it makes and alters. For
 * `sqliteChanges({ rows: 'array', integers: 'bigint', invalidText: 'keep', schemaChanges: true })`.
 */
export function sqliteTables(options: SqliteTablesOptions): RichSinkFunction<Change<SqliteValue[]>> {
  return new FollowedTables(options)
}

/** Columns that were renamed in the source while it was followed. */
const RENAMES = `${OWN_PREFIX}renames`

interface Followed {
  readonly schema: TableSchema
  readonly writer: TableWriter
  /** Which of a row's values are written, by index; the others the target computes. */
  readonly written: readonly number[]
  readonly byRowid: boolean
}

class FollowedTables extends UpsertSinkFunction<Change<SqliteValue[]>> {
  readonly #options: SqliteTablesOptions
  readonly #tables = new Map<string, Followed>()
  #database!: TargetDatabase
  #context!: RuntimeContext

  constructor(options: SqliteTablesOptions) {
    super()
    this.#options = options
  }

  override open(context: RuntimeContext): void {
    this.#context = context
    this.#database = openTarget(this.#options.file, this.#options.busyMs ?? 30_000)
    this.#database.exec(`CREATE TABLE IF NOT EXISTS ${RENAMES} (tbl TEXT, was TEXT, now TEXT, PRIMARY KEY (tbl, was))`)
  }

  write(changes: readonly Change<SqliteValue[]>[]): void {
    this.#database.write(() => {
      for (const change of changes) this.#apply(change)
    })
  }

  flush(): void {
    this.#database.flush()
  }

  override close(): void {
    this.#database?.close()
  }

  #apply(change: Change<SqliteValue[]>): void {
    const { op, after, before, key, source } = change
    if (op === 's') return this.#follow(source.table, change.schema as TableSchema)
    const followed = this.#tables.get(source.table)
    if (followed === undefined) {
      const reason = `a change came before the table's columns: give the source schemaChanges: true and rows: 'array'`
      throw new MillraceError('SCHEMA_MISMATCH', { table: source.table, reason })
    }
    const { writer, written, byRowid } = followed
    if (op === 't') return this.#truncate(source.table, followed)
    if (before !== null && (after === null || change.oldKey !== undefined)) writer.remove(change.oldKey ?? key)
    if (after === null) return
    const values = written.map((index) => after[index] as SqliteValue)
    writer.write(byRowid ? [key[0], ...values] : values)
  }

  #follow(name: string, schema: TableSchema): void {
    if (schema.columns.length === 0) return
    const there = readTable(this.#database, name)
    const table = there === undefined ? this.#create(name, schema) : this.#evolve(there, schema)
    const renamed = this.#renamesOf(name, schema)
    const computed = new Set(table.columns.filter((column) => column.generated).map((column) => column.name))
    const names = schema.columns.map((column) => renamed.get(column.name) ?? column.name)
    const written = names.flatMap((column, index) => (computed.has(column) ? [] : [index]))
    const columns = written.map((index) => names[index] as string)
    const byRowid = schema.key.length === 0
    const key = byRowid
      ? [rowidOf(table)]
      : keyOfTable(
          table,
          schema.key.map((column) => renamed.get(column) ?? column),
        )
    if (byRowid) columns.unshift(rowidOf(table).name)
    const writer = new TableWriter({ database: this.#database, table, columns, key, exact: true })
    this.#tables.set(name, { schema, writer, written, byRowid })
  }

  /** The table is empty: columns that the source has no more can go. */
  #truncate(name: string, { schema, writer }: Followed): void {
    writer.clear()
    const wanted = new Set(schema.columns.map((column) => column.name))
    const alter = `ALTER TABLE ${quoteName(name)}`
    for (const column of readTable(this.#database, name)?.columns ?? []) {
      if (!wanted.has(column.name)) this.#database.exec(`${alter} DROP COLUMN ${quoteName(column.name)}`)
    }
    this.#database.run(`DELETE FROM ${RENAMES} WHERE tbl = ?`, [name])
    this.#follow(name, schema)
  }

  /** Former name to present name, of columns that the schema names by their former name. */
  #renamesOf(table: string, schema: TableSchema): ReadonlyMap<string, string> {
    const named = new Set(schema.columns.map((column) => column.name))
    const renamed = new Map<string, string>()
    for (const [was, now] of this.#database.all(`SELECT was, now FROM ${RENAMES} WHERE tbl = ?`, [table])) {
      if (named.has(String(was)) && !named.has(String(now))) renamed.set(String(was), String(now))
    }
    return renamed
  }

  /** As its own statement says, unless that has constraints in which stale neighbours would be caught. */
  #create(name: string, schema: TableSchema): TableDefinition {
    if (schema.definition !== undefined) {
      this.#database.exec(schema.definition)
      const table = readTable(this.#database, name)
      const caught = table === undefined || table.uniqueIndexes.some((index) => index.constraint)
      // Rows told apart by their row id may meet others with the same key on the way.
      const keyInTheWay = schema.key.length === 0 && table !== undefined && table.primaryKey.length > 0
      if (table !== undefined && !caught && !keyInTheWay) return table
      if (table !== undefined) this.#database.exec(`DROP TABLE ${quoteName(name)}`)
      this.#context.logger.info('the table is made without its UNIQUE constraints', { table: name })
      this.#database.exec(plainTableSql(name, schema, table))
    } else this.#database.exec(plainTableSql(name, schema, undefined))
    return readTable(this.#database, name) as TableDefinition
  }

  #evolve(table: TableDefinition, schema: TableSchema): TableDefinition {
    const alter = `ALTER TABLE ${quoteName(table.name)}`
    const there = new Set(table.columns.map((column) => column.name))
    const named = new Set(schema.columns.map((column) => column.name))
    const renamed = this.#renamesOf(table.name, schema)
    for (const { name, renamedFrom, type } of schema.columns) {
      if (there.has(name) || renamed.has(name)) continue
      if (renamedFrom !== undefined && there.has(renamedFrom) && !named.has(renamedFrom)) {
        this.#database.exec(`${alter} RENAME COLUMN ${quoteName(renamedFrom)} TO ${quoteName(name)}`)
        this.#noteRename(table.name, renamedFrom, name)
      } else this.#database.exec(`${alter} ADD COLUMN ${quoteName(name)} ${typeSql(type)}`.trimEnd())
    }
    return readTable(this.#database, table.name) as TableDefinition
  }

  /** Earlier renames of the same column lead to its newest name. */
  #noteRename(table: string, was: string, now: string): void {
    this.#database.run(`UPDATE ${RENAMES} SET now = ? WHERE tbl = ? AND now = ?`, [now, table, was])
    this.#database.run(`INSERT OR REPLACE INTO ${RENAMES} (tbl, was, now) VALUES (?, ?, ?)`, [table, was, now])
    this.#database.run(`DELETE FROM ${RENAMES} WHERE tbl = ? AND was = ?`, [table, now])
  }
}

function rowidOf(table: TableDefinition): IndexColumn {
  if (table.rowid !== undefined) return { name: table.rowid, collation: 'BINARY' }
  throw new MillraceError('SCHEMA_MISMATCH', {
    table: table.name,
    reason: 'it has no row id, and the source table no key',
  })
}

/** Columns and key, nothing else. `like`: the exact table, for the collations of its key and its kind. */
function plainTableSql(name: string, schema: TableSchema, like: TableDefinition | undefined): string {
  const collations = new Map(like?.primaryKey.map((column) => [column.name, column.collation]))
  const isRowid = (column: string): boolean => like?.rowidColumn === column
  const columns = schema.columns.map((column) =>
    `${quoteName(column.name)} ${typeSql(column.type)}${isRowid(column.name) ? ' PRIMARY KEY' : ''}`.trimEnd(),
  )
  if (schema.key.length > 0 && !schema.key.some(isRowid)) {
    const key = schema.key.map(
      (column) => `${quoteName(column)} COLLATE ${quoteName(collations.get(column) ?? 'BINARY')}`,
    )
    columns.push(`PRIMARY KEY (${key.join(', ')})`)
  }
  const kind = [like?.withoutRowid ? 'WITHOUT ROWID' : '', like?.strict ? 'STRICT' : ''].filter((part) => part !== '')
  return `CREATE TABLE ${quoteName(name)} (${columns.join(', ')}) ${kind.join(', ')}`
}

/** A declared type as an identifier list: SQLite takes any words, quoted where they need it. */
function typeSql(type: string): string {
  return /^[A-Za-z_][\w ]*(\(\s*[+-]?\w+(\s*,\s*[+-]?\w+)?\s*\))?$/.test(type)
    ? type
    : type === ''
      ? ''
      : quoteName(type)
}
