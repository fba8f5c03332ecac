// TableReaders: how the rows of each table in the log are read, as its map tells it.
//
// Owns: the maps met last, by the log's number of the table; of each wanted table the columns told last and their renames.
//
// I1. Maps are compared by their bytes: numbers of tables begin anew when a server does, so a number alone says nothing.
// I2. The catalogue is asked once for a map with other bytes, and for an altered table; never for each event.
// I3. A table has the same TableSchema object as long as its columns are the same.

import type { ColumnSchema, DroppedColumn, TableSchema } from '../../record/change.ts'
import { type MysqlColumn, type MysqlTable, tableName } from './column.ts'
import type { Charsets } from './log/charsets.ts'
import { tableIdOf } from './log/event.ts'
import { tableOfMap } from './log/mapped-table.ts'
import { RowsDecoder } from './log/rows-decoder.ts'
import { readTableMap } from './log/table-map.ts'
import type { ColumnStep } from './offset.ts'
import { originOfTable } from './origin.ts'
import type { ColumnHistory, RowShape } from './row-shape.ts'

/** What the readers ask the catalogue: a table's columns as they are now, and its SHOW CREATE TABLE. */
export interface TableCatalogue {
  table(database: string, name: string): Promise<MysqlTable | undefined>
  definition(database: string, name: string): Promise<string | undefined>
}

/** What TableReaders needs of the port. */
export interface TableReadersOptions<Row> {
  readonly catalogue: TableCatalogue
  readonly charsets: Charsets
  readonly mariadb: boolean
  readonly isWanted: (database: string, table: string) => boolean
  readonly shapeOf: (
    table: MysqlTable,
    extra: {
      readonly definition: string | undefined
      readonly renames: ReadonlyMap<string, ColumnHistory> | undefined
    },
  ) => RowShape<Row>
}

/** How a table's rows are read while its map stays the same. */
export interface TableReader<Row> {
  readonly table: MysqlTable
  readonly decoder: RowsDecoder
  readonly shape: RowShape<Row>
  /** Its own, or an equal one that was there before. */
  readonly schema: TableSchema
}

/** A map as the log has it. */
export interface MappedTable<Row> {
  readonly body: Buffer
  readonly database: string
  readonly name: string
  /** What the connector calls it. */
  readonly title: string
  readonly wanted: boolean
  /** Rows of it say that their transaction is of this origin. */
  readonly origin: string | undefined
  /** Made when its rows are read for the first time. */
  reader: TableReader<Row> | undefined
  /** The table was altered since: a map with the same bytes may mean something else. */
  stale: boolean
}

/** Columns renamed, added and dropped, in the order it happened. */
export type ColumnRenames = readonly ColumnStep[]

/** Tables whose maps are kept: numbers of tables only grow. */
const MAPS_MAX = 10_000

export class TableReaders<Row> {
  readonly #options: TableReadersOptions<Row>
  readonly #byId = new Map<number, MappedTable<Row>>()
  readonly #byTitle = new Map<string, MappedTable<Row>>()
  /** The columns known last. */
  readonly #schemas = new Map<string, TableSchema>()

  constructor(options: TableReadersOptions<Row>) {
    this.#options = options
  }

  get isWanted(): (database: string, table: string) => boolean {
    return this.#options.isWanted
  }

  get charsets(): Charsets {
    return this.#options.charsets
  }

  /** Takes in a table map: rows with its number are of this table from here on. */
  map(body: Buffer): MappedTable<Row> {
    const id = tableIdOf(body)
    const known = this.#byId.get(id)
    if (known !== undefined && !known.stale && known.body.equals(body)) return known
    const table = this.#read(body)
    this.#byId.set(id, table)
    return table
  }

  /** The table of rows with this number. */
  mapped(id: number): MappedTable<Row> | undefined {
    return this.#byId.get(id)
  }

  /** Between transactions: forgets maps when there are too many. */
  trim(): void {
    if (this.#byId.size > MAPS_MAX) this.#byId.clear()
  }

  /** The columns known last of a table, by its title. */
  schema(title: string): TableSchema | undefined {
    return this.#schemas.get(title)
  }

  /** The table was altered, or made anew: its next map is read afresh. */
  forget(title: string): void {
    const known = this.#byTitle.get(title)
    if (known !== undefined) known.stale = true
    this.#byTitle.delete(title)
  }

  /** The table was made anew: its columns have no history. */
  forgetColumns(title: string): void {
    this.forget(title)
    this.#schemas.delete(title)
  }

  /** Makes the reader of a wanted table. `renames`: of its columns since they were told last. */
  async load(mapped: MappedTable<Row>, renames: ColumnRenames): Promise<TableReader<Row>> {
    const { catalogue, charsets, mariadb, shapeOf } = this.#options
    const { body, database, name, title } = mapped
    const map = readTableMap(body, mariadb)
    // Asked first, as in current(): an ALTER TABLE between the two makes other columns, not another definition of these.
    const definition = await catalogue.definition(database, name)
    const current = await catalogue.table(database, name)
    const table = tableOfMap(map, current, { charsets, mariadb })
    const isCurrent = current !== undefined && sameColumns(table, current)
    const extra = { definition: isCurrent ? definition : undefined, renames: this.#history(title, renames) }
    const shape = shapeOf(table, extra)
    const reader = {
      table,
      decoder: new RowsDecoder(map, table, charsets),
      shape,
      schema: this.adopt(title, withDropped(shape.schema, renames)),
    }
    mapped.reader = reader
    return reader
  }

  /** The columns of a table as the catalogue has them now; undefined if it is gone. */
  async current(database: string, name: string, renames: ColumnRenames): Promise<TableSchema | undefined> {
    const { catalogue, shapeOf } = this.#options
    // SHOW CREATE TABLE waits for an ALTER TABLE that is in the log but not yet in the catalogue.
    const definition = await catalogue.definition(database, name)
    const table = await catalogue.table(database, name)
    if (table === undefined) return undefined
    const title = tableName(database, name)
    const { schema } = shapeOf(table, { definition, renames: this.#history(title, renames) })
    return withDropped(schema, renames)
  }

  /** From here on the table's columns are these. Gives the schema known before if it is equal. */
  adopt(title: string, schema: TableSchema): TableSchema {
    const known = this.#schemas.get(title)
    if (known !== undefined && schema.dropped === undefined && sameSchema(known, schema)) return known
    this.#schemas.set(title, schema)
    return schema
  }

  /** Former names of columns: those known before, carried on through the renames; and how those are declared that were added. */
  #history(title: string, renames: ColumnRenames): ReadonlyMap<string, ColumnHistory> {
    const names = new Map<string, string[]>()
    for (const column of this.#schemas.get(title)?.columns ?? [])
      if (column.formerNames !== undefined) names.set(column.name, [...column.formerNames])
    const renamed = new Map<string, string>()
    const declared = new Map<string, string>()
    for (const [from, to, clause = declared.get(from)] of renames) {
      declared.delete(from)
      if (to === '') {
        names.delete(from)
        renamed.delete(from)
        continue
      }
      if (clause !== undefined) declared.set(to, clause)
      if (from === '') continue
      names.set(to, [...(names.get(from) ?? []), from])
      names.delete(from)
      renamed.set(to, renamed.get(from) ?? from)
      renamed.delete(from)
    }
    const history = new Map<string, ColumnHistory>()
    for (const [name, formerNames] of names) {
      const renamedFrom = renamed.get(name)
      history.set(name, { ...(renamedFrom !== undefined && renamedFrom !== name && { renamedFrom }), formerNames })
    }
    for (const [name, clause] of declared) history.set(name, { ...history.get(name), declared: clause })
    return history
  }

  /** A map that says the same of a table under another number is the same. */
  #read(body: Buffer): MappedTable<Row> {
    const database = body.toString('utf8', 9, 9 + (body[8] as number))
    const at = 10 + (body[8] as number)
    const name = body.toString('utf8', at + 1, at + 1 + (body[at] as number))
    const title = tableName(database, name)
    const known = this.#byTitle.get(title)
    const wanted = this.#options.isWanted(database, name)
    if (known?.body.subarray(ID_BYTES).equals(body.subarray(ID_BYTES))) {
      const again = { ...known, body }
      this.#byTitle.set(title, again)
      return again
    }
    const origin = originOfTable(name)
    const mapped = { body, database, name, title, wanted, origin, reader: undefined, stale: false }
    if (wanted) this.#byTitle.set(title, mapped)
    return mapped
  }
}

const ID_BYTES = 6

function withDropped(schema: TableSchema, steps: ColumnRenames): TableSchema {
  const dropped = steps.flatMap(([name, to, position = '', timestampMs = 0]): DroppedColumn[] =>
    to === '' ? [{ name, position, timestampMs }] : [],
  )
  return dropped.length === 0 ? schema : { ...schema, dropped }
}

/** Whether a statement that makes these makes those: each takes the values that the other one takes. */
function sameColumns(a: MysqlTable, b: MysqlTable): boolean {
  return (
    a.columns.length === b.columns.length && a.columns.every((column, index) => takesSame(column, b.columns[index]))
  )
}

function takesSame(a: MysqlColumn, b: MysqlColumn | undefined): boolean {
  return a.name === b?.name && a.type === b.type && a.nullable === b.nullable && a.charset === b.charset
}

/** The definition does not count: it tells the next number of AUTO_INCREMENT. */
function sameSchema(a: TableSchema, b: TableSchema): boolean {
  return (
    a.columns.length === b.columns.length &&
    a.columns.every((column, index) => sameColumn(column, b.columns[index] as ColumnSchema)) &&
    a.key.join('\n') === b.key.join('\n')
  )
}

function sameColumn(a: ColumnSchema, b: ColumnSchema): boolean {
  return a.name === b.name && a.type === b.type && a.nullable === b.nullable && a.generated === b.generated
}
