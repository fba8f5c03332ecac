// TableViews: opens consistent views of tables, with the columns that the table has in the view.
//
// Owns: what is known of tables, by their definition.
// Does not own: sessions, nor views once they are given out.
//
// I1. The table's columns are those of the view: the view has read the table before they are asked for, so no ALTER comes between.

import { type Catalogue, isMissingTable } from './catalogue.ts'
import { type MysqlColumn, type MysqlTable, splitTableName } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { keyColumns, qualifiedName } from './key-bound.ts'
import type { RowShape } from './row-shape.ts'
import { type SelectList, selectList } from './select-list.ts'
import { type ServerInfo, serverInfo, sourceFailed } from './server.ts'
import { SnapshotView, type ViewStep } from './snapshot-view.ts'

/** A view is opened again when the table is altered at that very moment. */
const ALTERED_MAX = 100

export interface TableViewsOptions<Row> {
  readonly info: ServerInfo
  readonly catalogue: () => Catalogue
  readonly connect: () => Promise<MysqlConnection>
  readonly shapeOf: (table: MysqlTable, definition: string) => RowShape<Row>
  /** With the key that the options give it. */
  readonly keyed: (table: MysqlTable) => MysqlTable
  readonly step: (step: ViewStep, table: string) => Promise<void>
}

/** A table as it is in a view, and how it is read. */
export interface KnownTable<Row> {
  readonly definition: string
  readonly table: MysqlTable
  readonly select: SelectList
  readonly shape: RowShape<Row>
  /** Of the key. */
  readonly columns: readonly MysqlColumn[]
}

export interface TableView<Row> {
  readonly view: SnapshotView
  readonly known: KnownTable<Row>
}

export class TableViews<Row> {
  readonly #options: TableViewsOptions<Row>
  readonly #known = new Map<string, KnownTable<Row>>()

  constructor(options: TableViewsOptions<Row>) {
    this.#options = options
  }

  /** A session for views, with the server that the source began with. Throws SOURCE_FAILED. */
  async connect(): Promise<MysqlConnection> {
    const { connect, info } = this.#options
    const session = await connect()
    const { id } = await serverInfo(session)
    if (id === info.id) return session
    session.close()
    throw sourceFailed(`the address leads to ${id} now, and led to ${info.id} before`)
  }

  /** Opens a view; `exact`: as of one place. Undefined if the table is gone. */
  async open(name: string, session: MysqlConnection, exact: boolean): Promise<TableView<Row> | undefined> {
    for (let attempt = 0; attempt < ALTERED_MAX; attempt++) {
      const opened = await this.#enter(name, session, exact)
      if (opened !== 'altered') return opened
    }
    throw sourceFailed(`table ${name} was altered at each of ${ALTERED_MAX} attempts to read it`)
  }

  async #enter(
    name: string,
    session: MysqlConnection,
    exact: boolean,
  ): Promise<TableView<Row> | undefined | 'altered'> {
    const { info, connect, step } = this.#options
    const { database, table } = splitTableName(name)
    const asked = { session, info, connect, exact, table: { database, name: table } }
    let view: SnapshotView | undefined
    try {
      view = await SnapshotView.open({ ...asked, step: (at) => step(at, name) })
      // From here on the table cannot be altered until the view is closed.
      await session.query(`SELECT 1 FROM ${qualifiedName(asked.table)} LIMIT 1`)
      const known = await this.#describe(name, database, table)
      if (known !== undefined) return { view, known }
    } catch (error) {
      if (isAltered(error)) return 'altered'
      if (!isMissingTable(error)) throw error
    }
    await view?.close()
    return undefined
  }

  async #describe(name: string, database: string, table: string): Promise<KnownTable<Row> | undefined> {
    const { catalogue, shapeOf, keyed } = this.#options
    const definition = await catalogue().definition(database, table)
    const last = this.#known.get(name)
    if (definition === undefined || last?.definition === definition) return last
    const found = await catalogue().table(database, table)
    if (found === undefined) return undefined
    const known = describeTable(keyed(found), definition, shapeOf)
    this.#known.set(name, known)
    return known
  }
}

/** How a table is read. */
export function describeTable<Row>(
  table: MysqlTable,
  definition: string,
  shapeOf: TableViewsOptions<Row>['shapeOf'],
): KnownTable<Row> {
  return { definition, table, select: selectList(table), shape: shapeOf(table, definition), columns: keyColumns(table) }
}

/** ER_TABLE_DEF_CHANGED: the view is older than the table's columns. */
function isAltered(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errno' in error && error.errno === 1412
}
