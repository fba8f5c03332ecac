// StatementFollower: what statements in the log do to wanted tables, as far as rows do not show it.
//
// Owns: the tables altered whose columns were not told since; the tables that are gone.
//
// I1. An altered table's columns are told with its next rows, by their map, or when the log is read past the moment at which the
//     catalogue was looked at: then nothing altered it in between.
// I2. What was in a table that is dropped, emptied or renamed away is told to be gone (`t`). If other rows came without being logged,
//     by a rename or with a partition, the table is told to be replaced: it is read as at the beginning.
// I3. Rows changed by a statement that was logged instead of them are refused: nothing shows them.

import type { TableSchema } from '../../record/change.ts'
import { tableName } from './column.ts'
import type { AlterStatement, Statement, TableName, TablePair } from './ddl.ts'
import type { AlteredTables, ColumnStep, MysqlOffset } from './offset.ts'
import { compareOffsets } from './place.ts'
import { sourceFailed } from './server.ts'
import type { ColumnRenames, TableReaders } from './table-readers.ts'

/** What StatementFollower needs of the log. */
export interface StatementFollowerOptions<Row> {
  readonly readers: TableReaders<Row>
  readonly altered: AlteredTables | undefined
  /** The wanted tables that there are; asked only for the tables of a database that is dropped. */
  readonly tables: readonly TableName[]
  readonly currentPlace: () => Promise<MysqlOffset>
  /** Tells that a table is empty, under these columns, or (`replaced`) has rows that the log never had. */
  readonly truncated: (table: TableName, schema: TableSchema, replaced: boolean) => void
}

interface AlteredTable extends TableName {
  renames: ColumnRenames
  /** The catalogue's columns, and where the log ended then. */
  look: { readonly schema: TableSchema | undefined; readonly at: MysqlOffset } | undefined
}

/** Columns of a table of which nothing is known any more. */
const UNKNOWN: TableSchema = { columns: [], key: [] }

export class StatementFollower<Row> {
  readonly #options: StatementFollowerOptions<Row>
  readonly #readers: TableReaders<Row>
  readonly #altered = new Map<string, AlteredTable>()
  readonly #known = new Map<string, TableName>()

  constructor(options: StatementFollowerOptions<Row>) {
    this.#options = options
    this.#readers = options.readers
    for (const table of options.tables) this.#known.set(titleOf(table), table)
    for (const [title, renames] of Object.entries(options.altered ?? {}))
      this.#altered.set(title, { ...tableOfTitle(title), renames, look: undefined })
  }

  /** As kept in places; undefined if there is none. */
  get altered(): AlteredTables | undefined {
    if (this.#altered.size === 0) return undefined
    return Object.fromEntries([...this.#altered].map(([title, { renames }]) => [title, renames]))
  }

  /** The renames of a table's columns since they were told last. */
  renamesOf(title: string): ColumnRenames {
    return this.#altered.get(title)?.renames ?? []
  }

  /** The table's columns are told. */
  told(title: string): void {
    this.#altered.delete(title)
  }

  /** Follows a statement at a position, committed then. Throws SOURCE_FAILED for one that was logged instead of the rows it changed. */
  async follow(statement: Statement, where: string, committedMs: number): Promise<void> {
    if (statement.kind === 'write') this.#refuseWrite(statement, where)
    else if (statement.kind === 'create') await this.#create(statement.table, statement.anew)
    else if (statement.kind === 'alter') await this.#alter(statement, where, committedMs)
    else if (statement.kind === 'rename') await this.#rename(statement.pairs)
    else if (statement.kind === 'truncate') for (const table of statement.tables) await this.#empty(table, false)
    else if (statement.kind === 'drop') for (const table of statement.tables) await this.#drop(table)
    else if (statement.kind === 'dropDatabase')
      for (const table of [...this.#known.values()].filter(({ database }) => database === statement.database))
        await this.#drop(table)
  }

  /** Columns of altered tables that no row came for: known as soon as the log is read to where the catalogue was looked at. */
  async settle(place: MysqlOffset): Promise<{ readonly table: TableName; readonly schema: TableSchema }[]> {
    const told: { table: TableName; schema: TableSchema }[] = []
    for (const [title, altered] of this.#altered) {
      altered.look ??= {
        schema: await this.#readers.current(altered.database, altered.name, altered.renames),
        at: await this.#options.currentPlace(),
      }
      if (compareOffsets(place, altered.look.at) < 0) continue
      this.#altered.delete(title)
      const { schema } = altered.look
      if (schema === undefined || this.#readers.schema(title) === this.#readers.adopt(title, schema)) continue
      told.push({ table: altered, schema })
    }
    return told
  }

  #isWanted({ database, name }: TableName): boolean {
    return this.#readers.isWanted(database, name)
  }

  #refuseWrite({ verb, tables }: Extract<Statement, { kind: 'write' }>, where: string): void {
    const wanted = tables?.find((table) => this.#isWanted(table))
    if (tables !== undefined && wanted === undefined) return
    const what = wanted === undefined ? 'tables that it does not name' : `table ${titleOf(wanted)}`
    throw sourceFailed(
      `the log at ${where} holds a statement (${verb}) that changes ${what}, and not the rows it changed: some session has binlog_format = STATEMENT or MIXED. SET GLOBAL binlog_format = 'ROW', and take the snapshot again with --fresh`,
    )
  }

  async #create(table: TableName, anew: boolean): Promise<void> {
    if (!this.#isWanted(table)) return
    if (anew) await this.#empty(table, false)
    this.#comes(table)
  }

  /** There is a new table of this name. */
  #comes(table: TableName): void {
    const title = titleOf(table)
    this.#known.set(title, table)
    this.#readers.forgetColumns(title)
    this.#changed(table, [])
  }

  async #alter(
    { table, columns, renamedTo, unlogged }: AlterStatement,
    where: string,
    committedMs: number,
  ): Promise<void> {
    if (this.#isWanted(table)) {
      const title = titleOf(table)
      if (unlogged) await this.#empty(table, true)
      this.#known.set(title, table)
      const steps = columns.map((step): ColumnStep => (step[1] === '' ? [step[0], '', where, committedMs] : step))
      this.#changed(table, [...this.renamesOf(title), ...steps])
    }
    if (renamedTo !== undefined) await this.#rename([{ from: table, to: renamedTo }])
  }

  #changed(table: TableName, renames: ColumnRenames): void {
    const title = titleOf(table)
    this.#readers.forget(title)
    this.#altered.set(title, { ...table, renames, look: undefined })
  }

  async #rename(pairs: readonly TablePair[]): Promise<void> {
    /** By title: which table each name stands for behind the statement, by its name before it. */
    const names = new Map<string, { table: TableName; was: TableName | undefined }>()
    for (const { from, to } of pairs) {
      const was = names.has(titleOf(from)) ? names.get(titleOf(from))?.was : from
      names.set(titleOf(from), { table: from, was: undefined })
      names.set(titleOf(to), { table: to, was })
    }
    for (const [title, { table, was }] of names) {
      if (!this.#isWanted(table) || (was !== undefined && titleOf(was) === title)) continue
      if (was === undefined) await this.#drop(table)
      else if (isOnlineCopy(was, table)) this.#changed(table, this.renamesOf(title))
      else {
        await this.#empty(table, true)
        this.#comes(table)
      }
    }
  }

  async #drop(table: TableName): Promise<void> {
    if (!this.#isWanted(table)) return
    const title = titleOf(table)
    await this.#empty(table, false)
    this.#known.delete(title)
    this.#altered.delete(title)
    this.#readers.forgetColumns(title)
  }

  async #empty(table: TableName, replaced: boolean): Promise<void> {
    if (!this.#isWanted(table)) return
    const { database, name } = table
    const schema = this.#readers.schema(titleOf(table)) ?? (await this.#readers.current(database, name, [])) ?? UNKNOWN
    this.#options.truncated(table, schema, replaced)
  }
}

function titleOf({ database, name }: TableName): string {
  return tableName(database, name)
}

/** The parts of a title, which are in backticks where they hold a dot or a backtick. */
function tableOfTitle(title: string): TableName {
  const [, database = '', name = ''] = /^(`(?:[^`]|``)*`|[^.]*)\.(.*)$/s.exec(title) ?? []
  return { database: unquoted(database), name: unquoted(name) }
}

function unquoted(part: string): string {
  return part.startsWith('`') ? part.slice(1, -1).replaceAll('``', '`') : part
}

/** gh-ost and pt-online-schema-change fill a copy under such a name, then put it in the table's place: it has the same rows. */
function isOnlineCopy(was: TableName, table: TableName): boolean {
  const prefix = was.name.replace(/^_+/, '')
  return (
    was.database === table.database &&
    was.name.startsWith('_') &&
    (prefix === `${table.name}_gho` || prefix === `${table.name}_new`)
  )
}
