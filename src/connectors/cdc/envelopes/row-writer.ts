// RowWriter: rows and keys of one table as JSON objects.
//
// Owns: the order in which columns are written, what their values were seen to be.
// Does not own: what the table's columns are (Tables), the envelope around a row.
//
// I1. Every column is written by its name, once; an array row that does not fit the columns is refused, not guessed at.
// I2. `fields()` describes every row written so far; `version` changes when it does.

import { MillraceError, reasonOf } from '../../../errors.ts'
import type { TableSchema } from '../../../record/change.ts'
import { connectType, fieldOf, kindOf, type ValueKind, widerKind } from './connect-type.ts'
import { declaredType } from './declared-type.ts'
import { type Decimals, type ValueColumn, valueText } from './value-text.ts'

interface Column extends ValueColumn {
  /** `"name":`, behind a comma where it is not the first. */
  readonly label: string
  kind: ValueKind
  nullable: boolean
}

export interface RowWriterOptions {
  /** For errors. */
  readonly table: string
  readonly schema: TableSchema | undefined
  readonly decimals: Decimals
  /** Whether fields() will be asked for. */
  readonly typed: boolean
}

/** See the head of this file. */
export class RowWriter {
  readonly #options: RowWriterOptions
  readonly #declared: ReadonlyMap<string, TableSchema['columns'][number]>
  #names: readonly string[]
  #columns: readonly Column[]
  #key: readonly Column[] | undefined
  #version = 0

  constructor(options: RowWriterOptions) {
    this.#options = options
    this.#declared = new Map(options.schema?.columns.map((column) => [column.name, column]))
    this.#names = [...this.#declared.keys()]
    this.#columns = this.#columnsOf(this.#names)
  }

  get version(): number {
    return this.#version
  }

  /** The JSON object of a row; null for null. Throws SCHEMA_MISMATCH. */
  row(row: unknown): string {
    if (row === null || row === undefined) return 'null'
    if (Array.isArray(row)) return this.#text(this.#fitting(row), this.#columns)
    const fields = row as Readonly<Record<string, unknown>>
    const names = Object.keys(fields)
    if (!sameNames(names, this.#names)) this.#reorder(names)
    const values = new Array<unknown>(names.length)
    for (let i = 0; i < names.length; i += 1) values[i] = fields[names[i] as string]
    return this.#text(values, this.#columns)
  }

  /** The text of each value of a row, by column. */
  texts(row: unknown): Map<string, string> {
    const values = Array.isArray(row) ? this.#fitting(row) : Object.values(row as object)
    if (!Array.isArray(row)) this.#reorder(Object.keys(row as object))
    return new Map(this.#columns.map((column, i) => [column.name, this.#value(values[i], column)]))
  }

  /** The JSON object of a key; null where the table has none. Throws SCHEMA_MISMATCH. */
  key(key: readonly unknown[]): string | null {
    const columns = this.#keyColumns(key)
    return columns.length === 0 ? null : this.#text(key, columns)
  }

  /** Kafka Connect's fields of a row, and of a key. */
  fields(): readonly object[] {
    return this.#columns.map((column) => this.#field(column))
  }

  keyFields(): readonly object[] {
    return (this.#key ?? []).map((column) => this.#field(column))
  }

  #field(column: Column): object {
    return fieldOf(connectType(column.declared, column.kind, column.decimals), column)
  }

  #text(values: readonly unknown[], columns: readonly Column[]): string {
    let text = '{'
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i] as Column
      text += column.label
      text += this.#value(values[i], column)
    }
    if (this.#options.typed) this.#observe(values, columns)
    return `${text}}`
  }

  #value(value: unknown, column: Column): string {
    try {
      return valueText(value, column)
    } catch (error) {
      throw this.#mismatch(`column "${column.name}" holds ${reasonOf(error)}`, error)
    }
  }

  #observe(values: readonly unknown[], columns: readonly Column[]): void {
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i] as Column
      const kind = kindOf(values[i])
      if (kind === column.kind || (kind === 'null' && column.nullable)) continue
      const wider = widerKind(column.kind, kind)
      if (wider === column.kind && kind !== 'null') continue
      column.kind = wider
      if (kind === 'null') column.nullable = true
      this.#version += 1
    }
  }

  #fitting(row: readonly unknown[]): readonly unknown[] {
    const { schema } = this.#options
    if (schema === undefined)
      throw this.#mismatch(
        'its rows are arrays, and nothing told its columns: set schemaChanges: true of its source, and give this node the source’s parallelism',
      )
    if (row.length === schema.columns.length) {
      if (this.#names.length !== row.length) this.#reorder([...this.#declared.keys()])
      return row
    }
    throw this.#mismatch(`a row has ${row.length} values for ${schema.columns.length} columns: set schemaChanges: true`)
  }

  #keyColumns(key: readonly unknown[]): readonly Column[] {
    if (this.#key !== undefined) return this.#key
    const { schema } = this.#options
    if (schema === undefined && key.length === 0) return []
    if (schema === undefined)
      throw this.#mismatch(
        'nothing told the columns of its key: set schemaChanges: true of its source, and give this node the source’s parallelism',
      )
    this.#key = this.#columnsOf(schema.key)
    return this.#key
  }

  #reorder(names: readonly string[]): void {
    if (sameNames(names, this.#names)) return
    const kinds = new Map(this.#columns.map((column) => [column.name, column]))
    this.#names = names
    this.#columns = this.#columnsOf(names)
    for (const column of this.#columns) column.kind = kinds.get(column.name)?.kind ?? 'null'
    this.#version += 1
  }

  #columnsOf(names: readonly string[]): readonly Column[] {
    return names.map((name, i) => {
      const declared = this.#declared.get(name)
      const label = `${i === 0 ? '' : ','}${JSON.stringify(name)}:`
      const type = declaredType(declared?.type ?? '')
      const nullable = declared?.nullable ?? true
      return { name, label, declared: type, decimals: this.#options.decimals, kind: 'null', nullable }
    })
  }

  #mismatch(reason: string, cause?: unknown): MillraceError {
    return new MillraceError('SCHEMA_MISMATCH', { table: this.#options.table, reason }, cause)
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}
