// A sink for many tables: makes a database follow another one.
//
// Owns: the target's tables of the names that come, one writer for each.
//
// I1. Changes are applied in the order they come; a key is deleted before it is written elsewhere.
// I2. Records of op `s` come before the rows that have those columns: they make and alter tables. Repeating an older one, as after
//     a restore, and then the newer ones again, ends where the newer ones end.
// I3. Rows come with stale neighbours while a snapshot is under way: no constraint but the key may stand in their way.

import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { type RichSinkFunction, UpsertSinkFunction } from '../../contract/sink-function.ts'
import { MillraceError } from '../../errors.ts'
import type { Change, ColumnSchema, TableSchema } from '../../record/change.ts'
import { quoteName } from './quote.ts'
import { type IndexColumn, readTable, type TableDefinition } from './table-definition.ts'
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
    if (op === 't') return writer.clear()
    if (before !== null && (after === null || change.oldKey !== undefined)) writer.remove(change.oldKey ?? key)
    if (after === null) return
    const values = written.map((index) => after[index] as SqliteValue)
    writer.write(byRowid ? [key[0], ...values] : values)
  }

  #follow(name: string, schema: TableSchema): void {
    if (schema.columns.length === 0) return
    const there = readTable(this.#database, name)
    const table = there === undefined ? this.#create(name, schema) : this.#evolve(there, schema)
    const computed = new Set(table.columns.filter((column) => column.generated).map((column) => column.name))
    const written = schema.columns.flatMap((column, index) => (computed.has(column.name) ? [] : [index]))
    const columns = written.map((index) => (schema.columns[index] as ColumnSchema).name)
    const byRowid = schema.key.length === 0
    const key = byRowid ? [rowidOf(table)] : keyOfTable(table, schema.key)
    if (byRowid) columns.unshift(rowidOf(table).name)
    const writer = new TableWriter({ database: this.#database, table, columns, key, exact: true })
    this.#tables.set(name, { schema, writer, written, byRowid })
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
    const now = new Set(table.columns.map((column) => column.name))
    const wanted = new Set(schema.columns.map((column) => column.name))
    for (const { name, renamedFrom, type } of schema.columns) {
      const renames = renamedFrom !== undefined && now.has(renamedFrom) && !wanted.has(renamedFrom)
      if (renames && !now.has(name))
        this.#database.exec(`${alter} RENAME COLUMN ${quoteName(renamedFrom)} TO ${quoteName(name)}`)
      // After a restore the older name was added again: what came under it is newer.
      if (renames && now.has(name)) this.#mergeColumn(table.name, renamedFrom, name)
      if (!renames && !now.has(name))
        this.#database.exec(`${alter} ADD COLUMN ${quoteName(name)} ${typeSql(type)}`.trimEnd())
      if (renames) now.delete(renamedFrom)
      now.add(name)
    }
    for (const name of now) if (!wanted.has(name)) this.#database.exec(`${alter} DROP COLUMN ${quoteName(name)}`)
    return readTable(this.#database, table.name) as TableDefinition
  }

  #mergeColumn(table: string, from: string, to: string): void {
    const [was, is] = [quoteName(from), quoteName(to)]
    this.#database.run(`UPDATE ${quoteName(table)} SET ${is} = ${was} WHERE ${was} IS NOT NULL`)
    this.#database.exec(`ALTER TABLE ${quoteName(table)} DROP COLUMN ${was}`)
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
