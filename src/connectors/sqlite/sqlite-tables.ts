// A sink for many tables: makes a database follow another one.
//
// Owns: the target's tables of the names that come, one writer for each.
//
// I1. Changes are applied in the order they come; a key is deleted before it is written elsewhere.
// I2. Records of op `s` come before the rows that have those columns: they make and alter tables. Older ones may come behind
//     newer ones, from another reader or after a restore. So a column that a record does not name stays; a column named by its
//     former name is written under its present one, which is why renames are kept in the target; and columns that are gone go
//     when the table is truncated, for then it is made anew: so the source tells of dropped columns.
// I3. Rows come with stale neighbours while a snapshot is under way: no constraint but the key may stand in their way.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { type RichSinkFunction, UpsertSinkFunction } from '../../contract/sink-function.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, ColumnSchema, TableSchema } from '../../record/change.ts'
import { quoteName } from './quote.ts'
import { collated, type IndexColumn, OWN_PREFIX, readTable, type TableDefinition } from './table-definition.ts'
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

/** How rows under one schema are written. */
interface Plan {
  readonly writer: TableWriter
  /** Which of a row's values are written, by index; the others the target computes. */
  readonly written: readonly number[]
  readonly byRowid: boolean
}

interface Followed {
  readonly schema: TableSchema
  /** Made when a row comes. */
  plan: Plan | undefined
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
    if (op === 't') return this.#makeAnew(source.table, followed.schema)
    followed.plan ??= this.#planFor(source.table, followed.schema)
    const { writer, written, byRowid } = followed.plan
    if (before !== null && (after === null || change.oldKey !== undefined)) writer.remove(change.oldKey ?? key)
    if (after === null) return
    const values = written.map((index) => after[index] as SqliteValue)
    writer.write(byRowid ? [key[0], ...values] : values)
  }

  #follow(name: string, schema: TableSchema): void {
    if (schema.columns.length === 0) return
    const there = readTable(this.#database, name)
    if (there === undefined) {
      this.#create(name, schema)
      for (const column of schema.columns) this.#noteNames(name, column)
    } else this.#evolve(there, schema)
    this.#tables.set(name, { schema, plan: undefined })
  }

  #planFor(name: string, schema: TableSchema): Plan {
    const table = readTable(this.#database, name) as TableDefinition
    const renamed = this.#renamesOf(name, schema)
    const present = (column: string): string => renamed.get(column) ?? column
    const computed = new Set(table.columns.filter((column) => column.generated).map((column) => column.name))
    const names = schema.columns.map((column) => present(column.name))
    const written = names.flatMap((column, index) => (computed.has(column) ? [] : [index]))
    const columns = written.map((index) => names[index] as string)
    const byRowid = schema.key.length === 0
    const key = byRowid ? [rowidOf(table)] : keyOfTable(table, schema.key.map(present))
    if (byRowid) columns.unshift(rowidOf(table).name)
    return { writer: new TableWriter({ database: this.#database, table, columns, key, exact: true }), written, byRowid }
  }

  /** The source's table was truncated, perhaps made anew with other columns and another key: so is this one. */
  #makeAnew(name: string, schema: TableSchema): void {
    this.#database.exec(`DROP TABLE IF EXISTS ${quoteName(name)}`)
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
  #create(name: string, schema: TableSchema): void {
    if (schema.definition === undefined) return this.#database.exec(plainTableSql(name, schema, undefined))
    this.#database.exec(schema.definition)
    const table = readTable(this.#database, name)
    const catches = table?.uniqueIndexes.some((index) => index.constraint) === true
    // Rows told apart by their row id may meet others with the same key on the way.
    const keyInTheWay = schema.key.length === 0 && table !== undefined && table.primaryKey.length > 0
    if (!catches && !keyInTheWay) return
    this.#context.logger.info('the table is made without its UNIQUE constraints', { table: name })
    this.#database.exec(`DROP TABLE ${quoteName(name)}`)
    this.#database.exec(plainTableSql(name, schema, table))
    if (keyInTheWay) this.#database.exec(keyIndexSql(table))
  }

  #evolve(table: TableDefinition, schema: TableSchema): void {
    const alter = `ALTER TABLE ${quoteName(table.name)}`
    const there = new Set(table.columns.map((column) => column.name))
    const named = new Set(schema.columns.map((column) => column.name))
    const renamed = this.#renamesOf(table.name, schema)
    for (const column of schema.columns) {
      const { name, type, formerNames } = column
      if (there.has(name) || renamed.has(name)) continue
      const former = formerNames?.findLast((was) => there.has(was) && !named.has(was))
      if (former === undefined) this.#database.exec(`${alter} ADD COLUMN ${quoteName(name)} ${typeSql(type)}`.trimEnd())
      else this.#database.exec(`${alter} RENAME COLUMN ${quoteName(former)} TO ${quoteName(name)}`)
      this.#noteNames(table.name, column)
    }
  }

  /** Records that name the column as it was once may still come. */
  #noteNames(table: string, { name, formerNames = [] }: ColumnSchema): void {
    for (const was of formerNames) {
      this.#database.run(`UPDATE ${RENAMES} SET now = ? WHERE tbl = ? AND now = ?`, [name, table, was])
      this.#database.run(`INSERT OR REPLACE INTO ${RENAMES} (tbl, was, now) VALUES (?, ?, ?)`, [table, was, name])
    }
    this.#database.run(`DELETE FROM ${RENAMES} WHERE tbl = ? AND was = ?`, [table, name])
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

/** Rows are still found by their key. */
function keyIndexSql(table: TableDefinition): string {
  const key = table.primaryKey.map((column) => collated(column)).join(', ')
  return `CREATE INDEX IF NOT EXISTS ${quoteName(`${OWN_PREFIX}key_${table.name}`)} ON ${quoteName(table.name)} (${key})`
}

/** A declared type as an identifier list: SQLite takes any words, quoted where they need it. */
function typeSql(type: string): string {
  return /^[A-Za-z_][\w ]*(\(\s*[+-]?\w+(\s*,\s*[+-]?\w+)?\s*\))?$/.test(type)
    ? type
    : type === ''
      ? ''
      : quoteName(type)
}
