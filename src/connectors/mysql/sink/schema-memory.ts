// SchemaMemory: what a sink remembers of source tables' columns, in the target, so that it survives with the target's tables.
//
// Owns: the tables millrace_renames and millrace_schemas.

import type { ColumnSchema, TableSchema } from '../../../record/change.ts'
import type { ConnectionSettings, MysqlConnection } from '../connection.ts'
import { makeSchemas, type OwnTables, ownTables } from './own-tables.ts'
import type { SchemaPlace } from './place.ts'

export class SchemaMemory {
  readonly #settings: ConnectionSettings
  readonly #own: OwnTables

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
    this.#own = ownTables(settings)
  }

  async open(connection: MysqlConnection): Promise<void> {
    await makeSchemas(connection, this.#settings)
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
  ): Promise<void> {
    await connection.run(`REPLACE INTO ${this.#own.schemas} (tbl, position, at_ms, row_schema) VALUES (?, ?, ?, ?)`, [
      table,
      position.slice(0, 255),
      timestampMs,
      JSON.stringify({ columns, key }),
    ])
  }

  /** The columns of the rows that came last; undefined if none came. */
  async schemaOf(connection: MysqlConnection, table: string): Promise<TableSchema | undefined> {
    const row = await connection.first(`SELECT row_schema FROM ${this.#own.schemas} WHERE tbl = ?`, [table])
    return row === undefined ? undefined : (JSON.parse(String(row[0])) as TableSchema)
  }

  /** Former name to present name, of columns that the schema names by their former name. */
  async renamesOf(
    connection: MysqlConnection,
    table: string,
    { columns }: TableSchema,
  ): Promise<ReadonlyMap<string, string>> {
    const named = new Set(columns.map(({ name }) => name))
    const rows = await connection.query(`SELECT was, now FROM ${this.#own.renames} WHERE tbl = ?`, [table])
    const renames = rows.map(([was, now]): [string, string] => [String(was), String(now)])
    return new Map(renames.filter(([was, now]) => named.has(was) && !named.has(now)))
  }

  /** Records that name the column as it was once may still come. */
  async noteNames(connection: MysqlConnection, table: string, { name, formerNames = [] }: ColumnSchema): Promise<void> {
    const { renames } = this.#own
    for (const was of formerNames) {
      if (was === name) continue
      await connection.run(`UPDATE ${renames} SET now = ? WHERE tbl = ? AND now = ?`, [name, table, was])
      await connection.run(`REPLACE INTO ${renames} (tbl, was, now) VALUES (?, ?, ?)`, [table, was, name])
    }
    if (formerNames.length > 0) await connection.run(`DELETE FROM ${renames} WHERE tbl = ? AND was = ?`, [table, name])
  }

  /** The table is made anew. */
  async forget(connection: MysqlConnection, table: string): Promise<void> {
    for (const own of [this.#own.renames, this.#own.schemas])
      await connection.run(`DELETE FROM ${own} WHERE tbl = ?`, [table])
  }
}
