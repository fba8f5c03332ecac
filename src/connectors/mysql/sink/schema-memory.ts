// SchemaMemory: what a sink remembers of source tables' columns, in the target, so that it survives with the target's tables.
//
// Owns: the tables millrace_renames and millrace_schemas.

import type { DroppedColumn, TableSchema } from '../../../record/change.ts'
import type { MysqlConnection } from '../connection.ts'
import type { AddedValues } from './added-value.ts'
import { makeSchemas, type OwnTables, ownTables } from './own-tables.ts'
import type { SchemaPlace } from './place.ts'

export class SchemaMemory {
  readonly #ledger: string
  readonly #own: OwnTables

  /** `ledger`: database of the sink's own tables. */
  constructor(ledger: string) {
    this.#ledger = ledger
    this.#own = ownTables(ledger)
  }

  async open(connection: MysqlConnection): Promise<void> {
    await makeSchemas(connection, this.#ledger)
  }

  /** Where its columns were told last. */
  async placeOf(connection: MysqlConnection, table: string): Promise<SchemaPlace | undefined> {
    const row = await connection.first(`SELECT position, at_ms FROM ${this.#own.schemas} WHERE tbl = ?`, [table])
    return row === undefined ? undefined : { position: String(row[0]), timestampMs: Number(row[1]) }
  }

  /** Rows have these columns from here on; `place` is where the newest were told. */
  async note(
    connection: MysqlConnection,
    table: string,
    { position, timestampMs }: SchemaPlace,
    { columns, key }: TableSchema,
    { added, dropped }: { readonly added: AddedValues; readonly dropped: readonly DroppedColumn[] },
  ): Promise<void> {
    await connection.run(`REPLACE INTO ${this.#own.schemas} (tbl, position, at_ms, row_schema) VALUES (?, ?, ?, ?)`, [
      table,
      position.slice(0, 255),
      timestampMs,
      JSON.stringify({ columns, key, added: [...added], dropped }),
    ])
  }

  /** The columns of the rows that came last; undefined if none came. */
  async schemaOf(connection: MysqlConnection, table: string): Promise<TableSchema | undefined> {
    const row = await connection.first(`SELECT row_schema FROM ${this.#own.schemas} WHERE tbl = ?`, [table])
    if (row === undefined) return undefined
    const { columns, key } = JSON.parse(String(row[0])) as TableSchema
    return { columns, key }
  }

  /** Columns that were dropped: of each name, where that was last. */
  async droppedOf(connection: MysqlConnection, table: string): Promise<readonly DroppedColumn[]> {
    const row = await connection.first(`SELECT row_schema FROM ${this.#own.schemas} WHERE tbl = ?`, [table])
    return row === undefined ? [] : ((JSON.parse(String(row[0])) as TableSchema).dropped ?? [])
  }

  /** Of columns that are dropped, in lower case: what a record names by a former name of theirs is gone. */
  async forgetNames(connection: MysqlConnection, table: string, dropped: ReadonlySet<string>): Promise<void> {
    for (const name of dropped)
      await connection.run(`DELETE FROM ${this.#own.renames} WHERE tbl = ? AND LOWER(now) = ?`, [table, name])
  }

  /** What rows that came before a column was added have in it. */
  async addedOf(connection: MysqlConnection, table: string): Promise<AddedValues> {
    const row = await connection.first(`SELECT row_schema FROM ${this.#own.schemas} WHERE tbl = ?`, [table])
    if (row === undefined) return new Map()
    return new Map((JSON.parse(String(row[0])) as { added?: [string, string][] }).added ?? [])
  }

  /** Former name to present name, of columns that the schema names by their former name. */
  async renamesOf(
    connection: MysqlConnection,
    table: string,
    { columns }: TableSchema,
  ): Promise<ReadonlyMap<string, string>> {
    const named = new Set(columns.map(({ name }) => name))
    const rows = await connection.query(`SELECT was, now FROM ${this.#own.renames} WHERE tbl = ? ORDER BY nth`, [table])
    const renamed = new Map<string, string>()
    const taken = new Set<string>()
    for (const [was, now] of rows.map((row) => row.map(String) as [string, string])) {
      // Where two former names of a column stand beside each other, the column has the older one: the other was dropped before it was taken.
      if (!named.has(was) || named.has(now) || taken.has(now)) continue
      renamed.set(was, now)
      taken.add(now)
    }
    return renamed
  }

  /** Records that name columns as they were once may still come. `older`: these, too, may have other names by now. */
  async noteNames(connection: MysqlConnection, table: string, schema: TableSchema, older: boolean): Promise<void> {
    const present = await this.renamesOf(connection, table, schema)
    for (const { name, formerNames = [] } of schema.columns) {
      const now = present.get(name) ?? name
      for (const was of formerNames) if (was !== now) await this.#noteName(connection, table, { was, now, older })
      if (formerNames.length > 0 && !older)
        await connection.run(`DELETE FROM ${this.#own.renames} WHERE tbl = ? AND was = ?`, [table, name])
    }
  }

  async #noteName(
    connection: MysqlConnection,
    table: string,
    { was, now, older }: { readonly was: string; readonly now: string; readonly older: boolean },
  ): Promise<void> {
    const { renames } = this.#own
    if (!older) await connection.run(`UPDATE ${renames} SET now = ? WHERE tbl = ? AND now = ?`, [now, table, was])
    const verb = older ? 'INSERT IGNORE' : 'REPLACE'
    await connection.run(
      `${verb} INTO ${renames} (tbl, was, now, nth)
        SELECT ?, ?, ?, COALESCE(MAX(nth), 0) + 1 FROM ${renames} WHERE tbl = ? AND now = ?`,
      [table, was, now, table, now],
    )
  }

  /** The table is made anew. */
  async forget(connection: MysqlConnection, table: string): Promise<void> {
    for (const own of [this.#own.renames, this.#own.schemas])
      await connection.run(`DELETE FROM ${own} WHERE tbl = ?`, [table])
  }
}
