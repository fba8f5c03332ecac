// RowTarget: rows that are objects, on their way into one table.
//
// Owns: the table's definition and how it is written, known when the first row shows which columns there are.

import { MillraceError } from '../../../errors.ts'
import { type MysqlValue, tableName } from '../column.ts'
import { type MysqlConnection, quoteName } from '../connection.ts'
import { truncateSql } from '../origin.ts'
import type { ControlConnection } from './control-connection.ts'
import { fieldValue, typeFor } from './field-value.ts'
import type { TableSettings } from './options.ts'
import { Misfit, RowRefusal } from './row-refusal.ts'
import type { TargetName } from './table-names.ts'
import { checkKey } from './table-plan.ts'
import { readTarget, type TargetColumn, type TargetDefinition } from './target-definition.ts'
import { TargetTable } from './target-table.ts'

type Fields = Readonly<Record<string, unknown>>

/** The rows' table, as the first row showed it. */
interface Shape {
  readonly table: TargetTable
  readonly names: readonly string[]
  readonly columns: readonly TargetColumn[]
  /** Where in a row the key's values are. */
  readonly key: readonly number[]
}

export class RowTarget {
  readonly #settings: TableSettings
  readonly #control: ControlConnection
  readonly #target: TargetName
  readonly #key: readonly string[]
  #definition: TargetDefinition | undefined
  #shape: Shape | undefined
  #mariadb = false

  constructor(settings: TableSettings, control: ControlConnection) {
    this.#settings = settings
    this.#control = control
    this.#target = targetOf(settings)
    this.#key = settings.key ?? []
  }

  /** Looks at the table, and makes it if its columns are given. Throws SCHEMA_MISMATCH. */
  async open(): Promise<void> {
    const { create, columns } = this.#settings
    await this.#control.run(async (connection) => {
      this.#mariadb = /mariadb/i.test(String((await connection.first('SELECT VERSION()'))?.[0]))
      if (create && columns !== undefined) await this.#create(connection, columns)
      await this.#read(connection)
    })
    if (this.#definition === undefined && !create) this.#fail('it is not in the database: make it, or set create: true')
  }

  /** True once a row was seen: rows can be taken. */
  get isReady(): boolean {
    return this.#shape !== undefined
  }

  get table(): TargetTable {
    return (this.#shape as Shape).table
  }

  /** Takes the columns from the first row, and makes the table if it is not there. Throws SCHEMA_MISMATCH. */
  async prepare(row: unknown): Promise<void> {
    if (typeof row !== 'object' || row === null)
      this.#fail(`a row is ${row === null ? 'null' : `a ${typeof row}`}: expected an object by column name`)
    const fields = row as Fields
    if (this.#definition === undefined)
      await this.#control.run(async (connection) => {
        await this.#create(connection, this.#columnsFor(fields))
        await this.#read(connection)
      })
    this.#shape = this.#shapeOf(fields, this.#definition as TargetDefinition)
  }

  /** The row's values. Throws SCHEMA_MISMATCH naming table and column where one does not fit. */
  valuesOf(row: unknown): MysqlValue[] {
    const { names, columns } = this.#shape as Shape
    const fields = row as Fields
    const values = new Array<MysqlValue>(names.length)
    for (let at = 0; at < names.length; at++) {
      const value = fields[names[at] as string]
      if (value === undefined) this.#checkFields(fields)
      try {
        values[at] = fieldValue(value, columns[at] as TargetColumn)
      } catch (error) {
        if (!(error instanceof RowRefusal)) throw error
        if (this.#settings.onRowError === 'fail') this.#fail(error.message)
        values[at] = new Misfit(value, error.message) as unknown as MysqlValue
      }
    }
    if (Object.keys(fields).length !== names.length) this.#checkFields(fields)
    return values
  }

  /** The values of the key alone, each in its place, of a row that may lack other fields. */
  keyValuesOf(row: unknown): MysqlValue[] {
    const { key, names, columns } = this.#shape as Shape
    const values = new Array<MysqlValue>(names.length).fill(null)
    for (const at of key) {
      const value = (row as Fields)[names[at] as string]
      if (value === undefined) this.#fail(`a row to be deleted has no field "${names[at]}", which is its key`)
      values[at] = fieldValue(value, columns[at] as TargetColumn)
    }
    return values
  }

  /** Empties the table. */
  async clear(): Promise<void> {
    if (this.#definition === undefined) return
    await this.#control.run((connection) => connection.run(truncateSql(this.#quoted, this.#settings.origin)))
  }

  get #quoted(): string {
    return `${quoteName(this.#target.database)}.${quoteName(this.#target.table)}`
  }

  async #read(connection: MysqlConnection): Promise<void> {
    this.#definition = await readTarget(connection, this.#target.database, this.#target.table)
    if (this.#definition !== undefined && this.#key.length > 0) checkKey(this.#definition, this.#key, new Set(), 'keep')
  }

  #shapeOf(row: Fields, definition: TargetDefinition): Shape {
    const names = Object.keys(row)
    const there = new Map(definition.columns.map((column) => [column.name, column]))
    const columns = names.map((name) => {
      const column = there.get(name)
      if (column === undefined)
        this.#fail(`it has no column "${name}", which rows have. Its columns: ${[...there.keys()].join(', ')}`)
      if (column.generated)
        this.#fail(`column "${name}" is computed by the database and cannot be written: leave it out`)
      return column
    })
    const key = this.#key.map((name) => {
      const at = names.indexOf(name)
      return at < 0 ? this.#fail(`rows have no field "${name}", which is its key`) : at
    })
    const table = new TargetTable({
      definition,
      columns: columns.map((column, index) => ({ column, index })),
      key: key.map((index) => ({ column: columns[index] as TargetColumn, index })),
      mariadb: this.#mariadb,
      keyless: 'added',
    })
    return { table, names, columns, key }
  }

  #checkFields(row: Fields): void {
    const { names } = this.#shape as Shape
    const missing = names.find((name) => row[name] === undefined)
    const extra = Object.keys(row).find((name) => !names.includes(name))
    if (missing !== undefined) this.#fail(`a row has no field "${missing}", the first row had: give null for no value`)
    if (extra !== undefined)
      this.#fail(`a row has field "${extra}", the first row had not: give every row the same fields`)
  }

  #columnsFor(row: Fields): Record<string, string> {
    const types = Object.entries(row).map(([name, value]): [string, string] => {
      const type = typeFor(value, this.#key.includes(name))
      if (type !== undefined) return [name, type]
      return this.#fail(`field "${name}" of the first row does not tell a column's type: give columns`)
    })
    return Object.fromEntries(types)
  }

  async #create(connection: MysqlConnection, columns: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(columns).map(([name, type]) => `${quoteName(name)} ${type}`)
    for (const name of this.#key)
      if (!Object.hasOwn(columns, name)) this.#fail(`its key has "${name}", its columns have not`)
    if (this.#key.length > 0) lines.push(`PRIMARY KEY (${this.#key.map(quoteName).join(', ')})`)
    await connection.run(`CREATE TABLE IF NOT EXISTS ${this.#quoted} (${lines.join(', ')}) CHARACTER SET utf8mb4`)
  }

  #fail(reason: string): never {
    throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(this.#target.database, this.#target.table), reason })
  }
}

function targetOf({ table, connection }: TableSettings): TargetName {
  const dot = table.indexOf('.')
  if (dot > 0) return { database: table.slice(0, dot), table: table.slice(dot + 1) }
  if (connection.database !== undefined) return { database: connection.database, table }
  const reason = 'expected database.table, or a database in the connection'
  throw new MillraceError('CONNECTOR_OPTION', { path: 'table', connector: 'mysqlTable', reason })
}
