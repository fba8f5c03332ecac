// Capture: the change log that Millrace keeps inside a SQLite database, for all jobs that read from it.
//
// Owns: the tables and triggers with the prefix `_millrace_`.
// Does not own: reading the log (sqlite-log), the positions of jobs (it only keeps what they tell it).
//
// I1. A capture is one table with one set of columns. A table whose columns changed gets a new capture; entries made under the
//     old one stay readable with its columns.
// I2. Everything here happens in one write transaction: other programs see a table either captured or not.
// I3. A captured table whose triggers are gone may have changed unseen, and a column's name that another column has now means
//     something else: the new capture logs a truncation and every row. So does that of a table that was gone and is back.
// I4. Of a table that is gone the log tells a truncation.
// I5. The log's last entry is never trimmed, so positions never begin again.

import { MillraceError } from '../../errors.ts'
import type { ColumnSchema, TableSchema } from '../../record/change.ts'
import {
  CAPTURES_TABLE,
  type CaptureLayout,
  createCaptureSql,
  createTriggersSql,
  dropTableSql,
  LOG_TABLE,
  logRowsSql,
  NOW_MS,
  triggerPrefix,
} from './capture-sql.ts'
import type { SqliteDatabase } from './database.ts'
import { quoteName } from './quote.ts'
import {
  hasNullKeys,
  listTables,
  mayHaveNullKeys,
  OWN_PREFIX,
  readTable,
  type TableDefinition,
  triggersOn,
} from './table-definition.ts'

/** A capture as it is kept in the database. */
export interface CaptureRecord {
  readonly id: number
  readonly table: string
  readonly rowKey: RowKey
  /** The row id is logged before the columns. */
  readonly logsRowid: boolean
  /** The job tells rows apart by their row id; then the schema names no key. */
  readonly byRowid: boolean
  readonly schema: TableSchema
}

/** What a table's log has to tell rows apart: the primary key; the row id; or both, as long as no key holds a NULL. */
const ROW_KEYS = ['key', 'rowid', 'both'] as const
type RowKey = (typeof ROW_KEYS)[number]

/** A capture's `active`: another one came after it; it logs its table; its table is gone. */
const RETIRED = 0n
const ACTIVE = 1n
const GONE = 2n

/** How a job tells rows apart whose primary key may be NULL. */
export type NullableKeys = 'key' | 'rowid'

type Warn = (message: string, fields: Readonly<Record<string, unknown>>) => void

/** The capture that a new one comes after. `reload`: what happened in between is not known. */
interface Follows {
  readonly was: CaptureRecord
  readonly reload: boolean
}

const CONSUMERS = `${OWN_PREFIX}consumers`
const META = `${OWN_PREFIX}meta`
const FORMAT = '1'

export class Capture {
  readonly #database: SqliteDatabase
  readonly #nullableKeys: NullableKeys
  readonly #warn: Warn
  readonly #captures = new Map<number, CaptureRecord>()
  readonly #warned = new Set<string>()
  /** The version of the schema that was followed last. */
  #followed: unknown

  constructor(database: SqliteDatabase, nullableKeys: NullableKeys, warn: Warn) {
    this.#database = database
    this.#nullableKeys = nullableKeys
    this.#warn = warn
  }

  /** Installs and brings up to date what is needed for the wanted tables; returns their names. */
  install(isWanted: (table: string) => boolean): readonly string[] {
    const inspect = (): readonly string[] => this.#bringUpToDate(isWanted)
    return this.#database.transaction('IMMEDIATE', inspect)
  }

  /** Brings captures up to date if any program changed the schema since the last call. Not within a transaction. */
  follow(isWanted: (table: string) => boolean): void {
    const version = (): unknown => this.#database.first('PRAGMA schema_version')?.[0]
    if (version() === this.#followed) return
    this.install(isWanted)
    this.#followed = version()
  }

  /** Whether the log's tables are there. */
  isInstalled(): boolean {
    return this.#database.first(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`, [META]) !== undefined
  }

  /** The capture with this id; captures never change. */
  byId(id: number): CaptureRecord {
    const known = this.#captures.get(id)
    if (known !== undefined) return known
    const row = this.#database.first(`SELECT tbl, by_rowid, definition FROM ${CAPTURES_TABLE} WHERE id = ?`, [
      BigInt(id),
    ])
    if (row === undefined) {
      const reason = `the change log in ${this.#database.file} has an entry of a capture ${id} that is not there`
      throw new MillraceError('SOURCE_FAILED', { node: '?', reason })
    }
    const stored = JSON.parse(String(row[2])) as TableSchema
    const rowKey = ROW_KEYS[Number(row[1])] as RowKey
    const byRowid = rowKey === 'rowid' || (rowKey === 'both' && this.#nullableKeys === 'rowid')
    const schema = byRowid ? { ...stored, key: [] } : stored
    const record: CaptureRecord = { id, table: String(row[0]), rowKey, logsRowid: rowKey !== 'key', byRowid, schema }
    this.#captures.set(id, record)
    return record
  }

  /** The capture that logs the table now. */
  activeOf(table: string): CaptureRecord | undefined {
    return this.#captureOf(table, ACTIVE)
  }

  #captureOf(table: string, active: bigint): CaptureRecord | undefined {
    const row = this.#database.first(`SELECT id FROM ${CAPTURES_TABLE} WHERE tbl = ? AND active = ?`, [table, active])
    return row === undefined ? undefined : this.byId(Number(row[0]))
  }

  /** The number of the last entry of the log; 0 if there is none. */
  position(): number {
    return Number(this.#database.first(`SELECT coalesce(max(seq), 0) FROM ${LOG_TABLE}`)?.[0])
  }

  /** Entries up to here may be gone. */
  trimmedTo(): number {
    return Number(this.#database.first(`SELECT value FROM ${META} WHERE name = 'trimmed_to'`)?.[0] ?? 0)
  }

  /** Notes how far a job has come, and deletes what no job needs and `retainRows` does not keep. */
  consumed(consumer: string, position: number, retainRows: number): void {
    this.#database.transaction('IMMEDIATE', () => {
      const note = `INSERT INTO ${CONSUMERS} (name, position, at) VALUES (?, ?, ${NOW_MS}) ON CONFLICT (name) DO UPDATE SET position = excluded.position, at = excluded.at`
      this.#database.run(note, [consumer, BigInt(position)])
      const needed = Number(this.#database.first(`SELECT min(position) FROM ${CONSUMERS}`)?.[0])
      const upTo = Math.min(needed, this.position() - retainRows, this.position() - 1)
      if (upTo > this.trimmedTo()) this.#trim(upTo)
    })
  }

  #trim(upTo: number): void {
    const limit = [BigInt(upTo)]
    this.#database.run(`DELETE FROM ${LOG_TABLE} WHERE seq <= ?`, limit)
    for (const [id, active] of this.#database.all(`SELECT id, active FROM ${CAPTURES_TABLE}`)) {
      const number = Number(id)
      this.#database.run(`DELETE FROM ${quoteName(`${OWN_PREFIX}log_${number}`)} WHERE seq <= ?`, limit)
      if (active === RETIRED && !this.#isLogged(number)) this.#forget(number)
    }
    this.#database.run(`INSERT OR REPLACE INTO ${META} (name, value) VALUES ('trimmed_to', ?)`, limit)
  }

  #isLogged(id: number): boolean {
    return this.#database.first(`SELECT 1 FROM ${LOG_TABLE} WHERE capture = ? LIMIT 1`, [BigInt(id)]) !== undefined
  }

  #forget(id: number): void {
    for (const sql of dropTableSql(id)) this.#database.exec(sql)
    this.#database.run(`DELETE FROM ${CAPTURES_TABLE} WHERE id = ?`, [BigInt(id)])
  }

  #bringUpToDate(isWanted: (table: string) => boolean): readonly string[] {
    this.#createTables()
    const captured: string[] = []
    const present = new Set<string>()
    for (const { name, kind } of listTables(this.#database)) {
      if (kind === 'table') present.add(name)
      if (!isWanted(name) || kind === 'view' || kind === 'shadow') continue
      const table = kind === 'table' ? this.#capturable(name) : undefined
      if (table === undefined) this.#warnOnce('a virtual table is not captured', name)
      else captured.push(this.#captureTable(table))
    }
    for (const [id, table] of this.#database.all(`SELECT id, tbl FROM ${CAPTURES_TABLE} WHERE active = ${ACTIVE}`)) {
      if (present.has(String(table))) continue
      this.#retire(Number(id), GONE)
      this.#mark(Number(id), 't')
    }
    return captured
  }

  #createTables(): void {
    const format = this.isInstalled()
      ? this.#database.first(`SELECT value FROM ${META} WHERE name = 'format'`)?.[0]
      : undefined
    if (format !== undefined && format !== FORMAT) {
      const reason = `the change log in ${this.#database.file} has format ${String(format)}, this release writes ${FORMAT}: removeSqliteChanges({ file }) and start with --fresh`
      throw new MillraceError('SOURCE_FAILED', { node: '?', reason })
    }
    if (format !== undefined) return
    this.#database.exec(`CREATE TABLE IF NOT EXISTS ${META} (name TEXT PRIMARY KEY, value)`)
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS ${LOG_TABLE} (seq INTEGER PRIMARY KEY, capture INTEGER, op TEXT, at INTEGER)`,
    )
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS ${CAPTURES_TABLE} (id INTEGER PRIMARY KEY, tbl TEXT, active INTEGER, by_rowid INTEGER, definition TEXT, triggers TEXT)`,
    )
    this.#database.exec(`CREATE TABLE IF NOT EXISTS ${CONSUMERS} (name TEXT PRIMARY KEY, position INTEGER, at INTEGER)`)
    this.#database.run(`INSERT INTO ${META} (name, value) VALUES ('format', ?)`, [FORMAT])
  }

  /** Throws SCHEMA_MISMATCH for a table that cannot be followed. */
  #capturable(name: string): TableDefinition | undefined {
    const table = readTable(this.#database, name)
    if (table === undefined) return undefined
    if (!table.withoutRowid && table.rowid === undefined && table.primaryKey.length === 0) {
      const reason =
        'its columns take every name of the row id (rowid, _rowid_, oid) and it has no primary key: nothing tells rows apart'
      throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason })
    }
    if (table.columns.length > 990) {
      throw new MillraceError('SCHEMA_MISMATCH', {
        table: name,
        reason: `it has ${table.columns.length} columns; up to 990 can be logged`,
      })
    }
    if (table.uniqueIndexes.some((index) => index.columns.length === 0)) {
      this.#warnOnce('REPLACE over a unique index made only of expressions is not seen', name)
    }
    return table
  }

  #captureTable(table: TableDefinition): string {
    const was = this.activeOf(table.name)
    if (was === undefined) this.#beginOrReturn(table)
    else if (!this.#hasTriggers(was)) this.#begin(table, { was, reload: true })
    else if (!sameColumns(was, table)) this.#begin(table, { was, reload: reusesName(was, table) })
    else this.#renewTriggers({ id: was.id, table, logsRowid: was.logsRowid })
    return table.name
  }

  #beginOrReturn(table: TableDefinition): void {
    const was = this.#captureOf(table.name, GONE)
    this.#begin(table, was === undefined ? undefined : { was, reload: true })
  }

  #rowKey(table: TableDefinition, follows: Follows | undefined): RowKey {
    if (table.withoutRowid || table.rowidColumn !== undefined) return 'key'
    if (table.primaryKey.length === 0) return 'rowid'
    // How rows were told apart stays as it was: keys that went downstream must keep their meaning.
    if (follows !== undefined && !(follows.reload && follows.was.rowKey === 'key')) return follows.was.rowKey
    if (!mayHaveNullKeys(table)) return 'key'
    return hasNullKeys(this.#database, table) ? 'rowid' : 'both'
  }

  #hasTriggers(capture: CaptureRecord): boolean {
    const names = new Set(triggersOn(this.#database, capture.table))
    const events = ['before_insert', 'before_update', 'after_insert', 'after_update', 'after_delete']
    return events.every((event) => names.has(triggerPrefix(capture.id) + event))
  }

  #begin(table: TableDefinition, follows: Follows | undefined): void {
    const rowKey = this.#rowKey(table, follows)
    this.#dropTriggers(table.name)
    if (follows !== undefined) this.#retire(follows.was.id, RETIRED)
    const id = Number(this.#database.first(`SELECT coalesce(max(id), 0) + 1 FROM ${CAPTURES_TABLE}`)?.[0])
    const layout: CaptureLayout = { id, table, logsRowid: rowKey !== 'key' }
    const schema = schemaOf(table, rowKey, follows?.reload === false ? follows.was : undefined)
    this.#database.run(
      `INSERT INTO ${CAPTURES_TABLE} (id, tbl, active, by_rowid, definition, triggers) VALUES (?, ?, 1, ?, ?, ?)`,
      [
        BigInt(id),
        table.name,
        BigInt(ROW_KEYS.indexOf(rowKey)),
        JSON.stringify(schema),
        createTriggersSql(layout).join(';\n'),
      ],
    )
    for (const sql of createCaptureSql(layout)) this.#database.exec(sql)
    if (follows !== undefined) this.#logTransition(layout, follows.was, follows.reload)
  }

  /** What happened between the change of the table and now is in the old log without the new columns, or not at all. */
  #logTransition(layout: CaptureLayout, was: CaptureRecord, reload: boolean): void {
    this.#mark(layout.id, 's')
    if (reload) {
      this.#warnOnce(
        'a captured table changed in a way that its log does not tell: it is logged anew in full',
        layout.table.name,
      )
      this.#mark(layout.id, 't')
    }
    const added = layout.table.columns.slice(was.schema.columns.length)
    if (!reload && added.length === 0) return
    for (const sql of logRowsSql(layout, reload ? undefined : added)) this.#database.run(sql)
  }

  #mark(id: number, op: 's' | 't'): void {
    this.#database.run(`INSERT INTO ${LOG_TABLE} (capture, op, at) VALUES (?, ?, ${NOW_MS})`, [BigInt(id), op])
  }

  /** Ours have to be the last made of the table's triggers, for those run first; and to match its unique indexes. */
  #renewTriggers(layout: CaptureLayout): void {
    const sql = createTriggersSql(layout)
    const stored = String(
      this.#database.first(`SELECT triggers FROM ${CAPTURES_TABLE} WHERE id = ?`, [BigInt(layout.id)])?.[0],
    )
    const names = triggersOn(this.#database, layout.table.name)
    const last = names.slice(-5).every((name) => name.startsWith(triggerPrefix(layout.id)))
    if (last && stored === sql.join(';\n')) return
    this.#dropTriggers(layout.table.name)
    this.#database.exec(`DROP TRIGGER IF EXISTS ${quoteName(`${triggerPrefix(layout.id)}stash`)}`)
    for (const statement of sql) this.#database.exec(statement)
    this.#database.run(`UPDATE ${CAPTURES_TABLE} SET triggers = ? WHERE id = ?`, [sql.join(';\n'), BigInt(layout.id)])
  }

  #dropTriggers(table: string): void {
    for (const name of triggersOn(this.#database, table)) {
      if (name.startsWith(OWN_PREFIX)) this.#database.exec(`DROP TRIGGER ${quoteName(name)}`)
    }
  }

  #retire(id: number, as: bigint): void {
    // A renamed table takes its triggers along.
    for (const [name] of this.#database.all(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`)) {
      if (String(name).startsWith(triggerPrefix(id))) this.#database.exec(`DROP TRIGGER ${quoteName(String(name))}`)
    }
    this.#database.run(`UPDATE ${CAPTURES_TABLE} SET active = ? WHERE id = ?`, [as, BigInt(id)])
  }

  #warnOnce(message: string, table: string): void {
    if (this.#warned.has(message + table)) return
    this.#warned.add(message + table)
    this.#warn(message, { table })
  }
}

/** Takes every trigger and table of Millrace out of a database. Jobs that read from it have to start with --fresh. */
export function removeCapture(database: SqliteDatabase): void {
  database.transaction('IMMEDIATE', () => {
    const own = `substr(name, 1, ${OWN_PREFIX.length}) = '${OWN_PREFIX}'`
    for (const type of ['trigger', 'table']) {
      for (const [name] of database.all(`SELECT name FROM sqlite_schema WHERE type = '${type}' AND ${own}`)) {
        database.exec(`DROP ${type} ${quoteName(String(name))}`)
      }
    }
  })
}

function sameColumns(was: CaptureRecord, table: TableDefinition): boolean {
  const text = (columns: readonly ColumnSchema[]): string =>
    JSON.stringify(columns.map(({ name, type, nullable, generated }) => [name, type, nullable, generated]))
  return text(was.schema.columns) === text(schemaOf(table, was.rowKey, undefined).columns)
}

/** Whether a column has the name now that another one had. */
function reusesName(was: CaptureRecord, table: TableDefinition): boolean {
  const before = was.schema.columns.map((column) => column.name)
  return table.columns.some(({ name }, index) => before.includes(name) && before[index] !== name)
}

/** `was`: columns keep their places when they are renamed, and new ones come last. */
function schemaOf(table: TableDefinition, rowKey: RowKey, was: CaptureRecord | undefined): TableSchema {
  const columns = table.columns.map((column, index): ColumnSchema => {
    const { name, type, notNull, generated } = column
    const former = was?.schema.columns[index]
    const renamed = former !== undefined && former.name !== name ? { renamedFrom: former.name } : {}
    const names = [former?.formerNames ?? [], renamed.renamedFrom ?? []].flat()
    const formerNames = names.length > 0 ? { formerNames: names } : {}
    return { name, type, nullable: !notNull, generated, ...renamed, ...formerNames }
  })
  const key = rowKey === 'rowid' ? [] : table.primaryKey.map((column) => column.name)
  return { columns, key, definition: table.sql }
}
