// RowTarget: rows that are objects, on their way into one table.
//
// Owns: the table's definition and writer, made when the first row shows which columns there are.

import { MillraceError } from '../../errors.ts'
import { misfit, typeFor } from './column-check.ts'
import type { SqliteDatabase } from './database.ts'
import { quoteName } from './quote.ts'
import { readTable, type TableDefinition } from './table-definition.ts'
import type { TableOptions } from './table-options.ts'
import { keyOfTable, TableWriter } from './table-writer.ts'
import { bound, placeholder } from './value.ts'

const STAGE = 'temp.millrace_stage'

type Fields = Readonly<Record<string, unknown>>

export class RowTarget {
  readonly #database: SqliteDatabase
  readonly #options: TableOptions
  #table: TableDefinition | undefined
  #writer: TableWriter | undefined
  #types: readonly string[] = []
  readonly #key: readonly string[]
  #staged = false

  constructor(database: SqliteDatabase, options: TableOptions) {
    this.#database = database
    this.#options = options
    this.#key = options.key ?? []
  }

  /** Looks at the table, and makes it if its columns are given. Throws SCHEMA_MISMATCH. */
  open(): void {
    const { table, create, columns } = this.#options
    if (create && columns !== undefined) this.#create(columns)
    this.#table = readTable(this.#database, table)
    if (this.#table === undefined && !create) this.#fail('it is not in the database: make it, or set create: true')
    if (this.#table !== undefined && this.#options.key !== undefined) keyOfTable(this.#table, this.#key)
  }

  /** Adds a row, or replaces the one with its key. */
  write(row: Fields): void {
    const writer = this.#writerFor(row)
    writer.write(this.#valuesOf(row, writer.columns))
  }

  /** Puts a row aside, outside the database file, for writeStaged(). */
  stage(row: Fields): void {
    const { columns } = this.#writerFor(row)
    const values = this.#valuesOf(row, columns)
    this.#createStage(columns)
    const places = values.map(placeholder).join(', ')
    this.#database.run(
      `INSERT INTO ${STAGE} (${columns.map(quoteName).join(', ')}) VALUES (${places})`,
      values.map(bound),
    )
  }

  /** Adds the rows put aside, in order. */
  writeStaged(): void {
    if (this.#writer === undefined || !this.#staged) return
    const columns = this.#writer.columns.map(quoteName).join(', ')
    this.#database.run(
      `INSERT INTO main.${quoteName(this.#options.table)} (${columns}) SELECT ${columns} FROM ${STAGE} ORDER BY rowid`,
    )
    this.#database.run(`DELETE FROM ${STAGE}`)
  }

  clearStaged(): void {
    if (this.#staged) this.#database.run(`DELETE FROM ${STAGE}`)
  }

  #createStage(columns: readonly string[]): void {
    if (this.#staged) return
    this.#database.exec('PRAGMA temp_store = FILE')
    this.#database.exec(`CREATE TEMP TABLE millrace_stage (${columns.map(quoteName).join(', ')})`)
    this.#staged = true
  }

  #valuesOf(row: Fields, columns: readonly string[]): unknown[] {
    const values = columns.map((name) => row[name])
    for (const [index, value] of values.entries()) {
      const reason = misfit(value, this.#types[index] as string)
      if (reason !== undefined) this.#fail(`column "${columns[index]}" ${this.#typeText(index)} is given ${reason}`)
    }
    if (Object.keys(row).length !== columns.length || values.includes(undefined)) this.#checkFields(row, columns)
    return values
  }

  /** Deletes the row with this one's key. */
  remove(row: Fields): void {
    this.#writerFor(row).remove(this.keyOf(row))
  }

  clear(): void {
    if (this.#table !== undefined) this.#database.run(`DELETE FROM ${quoteName(this.#table.name)}`)
  }

  keyOf(row: Fields): readonly unknown[] {
    return this.#key.map((name) => row[name])
  }

  #writerFor(row: Fields): TableWriter {
    if (typeof row !== 'object' || row === null)
      this.#fail(`a row is ${row === null ? 'null' : `a ${typeof row}`}: expected an object by column name`)
    this.#writer ??= this.#makeWriter(row)
    return this.#writer
  }

  #makeWriter(row: Fields): TableWriter {
    this.#table ??= this.#createFor(row)
    const table = this.#table
    const names = Object.keys(row)
    this.#checkFields(row, names)
    for (const name of this.#key)
      if (!names.includes(name)) this.#fail(`rows have no field "${name}", which is its key`)
    const types = new Map(table.columns.map((column) => [column.name, column.type]))
    this.#types = names.map((name) => types.get(name) ?? '')
    const key = this.#options.key === undefined ? undefined : keyOfTable(table, this.#key)
    return new TableWriter({ database: this.#database, table, columns: names, key, exact: false })
  }

  /** Every field needs a column, and each row the same fields as the first. */
  #checkFields(row: Fields, expected: readonly string[]): void {
    const columns = new Map(this.#table?.columns.map((column) => [column.name, column]))
    for (const name of Object.keys(row)) {
      const column = columns.get(name)
      if (column === undefined)
        this.#fail(`it has no column "${name}", which rows have. Its columns: ${[...columns.keys()].join(', ')}`)
      if (column?.generated)
        this.#fail(`column "${name}" is computed by the database and cannot be written: leave it out`)
      if (!expected.includes(name))
        this.#fail(`a row has field "${name}", the first row had not: give every row the same fields`)
    }
  }

  #createFor(row: Fields): TableDefinition {
    const columns = Object.entries(row).map(([name, value]) => {
      const type = typeFor(value)
      if (type === undefined) this.#fail(`field "${name}" of the first row cannot be stored`)
      return [name, type ?? ''] as const
    })
    this.#create(Object.fromEntries(columns))
    const table = readTable(this.#database, this.#options.table)
    if (table === undefined) this.#fail('it could not be made')
    return table as TableDefinition
  }

  #create(columns: Readonly<Record<string, string>>): void {
    const declared = Object.entries(columns).map(([name, type]) => `${quoteName(name)} ${type}`.trimEnd())
    for (const name of this.#key)
      if (!Object.hasOwn(columns, name)) this.#fail(`its key has "${name}", its columns have not`)
    if (this.#key.length > 0) declared.push(`PRIMARY KEY (${this.#key.map(quoteName).join(', ')})`)
    this.#database.exec(`CREATE TABLE IF NOT EXISTS ${quoteName(this.#options.table)} (${declared.join(', ')})`)
  }

  #typeText(index: number): string {
    return this.#types[index] === '' ? '(of no type)' : `(${this.#types[index]})`
  }

  #fail(reason: string): never {
    throw new MillraceError('SCHEMA_MISMATCH', { table: this.#options.table, reason })
  }
}
