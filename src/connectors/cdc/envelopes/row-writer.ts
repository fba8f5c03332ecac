// RowWriter: rows and keys of one table as JSON objects.
//
// Owns: the order in which columns are written, what their values were seen to be.
// Does not own: what the table's columns are (Tables), the envelope around a row.
//
// I1. Every column is written by its name, once; an array row that does not fit the columns is refused, not guessed at.
// I2. `fields()` describes every row written so far; `version` changes when it does.

import { MillraceError, reasonOf } from '../../../errors.ts'
import type { TableSchema } from '../../../record/change.ts'
import { connectType, fieldOf, kindOf, type TypedColumn, type ValueKind, widerKind } from './connect-type.ts'
import { declaredType } from './declared-type.ts'
import type { Temporal } from './temporal-type.ts'
import { type Decimals, type ValueColumn, valueText } from './value-text.ts'

interface Column extends ValueColumn, TypedColumn {
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
  /** What dates and times are; present if fields() will be asked for. */
  readonly temporal?: Temporal
}

/** See the head of this file. */
export class RowWriter {
  readonly #options: RowWriterOptions
  readonly #declared: ReadonlyMap<string, TableSchema['columns'][number]>
  /** The names of the columns as an array row has them. */
  readonly #inOrder: readonly string[]
  #names: readonly string[]
  #columns: readonly Column[]
  #labels: readonly string[]
  #key: readonly Column[] | undefined
  #version = 0

  constructor(options: RowWriterOptions) {
    this.#options = options
    this.#declared = new Map(options.schema?.columns.map((column) => [column.name, column]))
    this.#inOrder = [...this.#declared.keys()]
    this.#names = this.#inOrder
    this.#columns = this.#columnsOf(this.#names)
    this.#labels = this.#columns.map(({ label }) => label)
  }

  get version(): number {
    return this.#version
  }

  /** `"name":` of each column of the row written last, behind a comma where it is not the first; the same array while they stay. */
  get labels(): readonly string[] {
    return this.#labels
  }

  /** The JSON object of a row; null for null. Throws SCHEMA_MISMATCH. */
  row(row: unknown): string {
    return row === null || row === undefined ? 'null' : this.#text(this.#valuesOf(row), this.#columns)
  }

  /** The JSON text of each value of a row, as `labels` name them. Throws SCHEMA_MISMATCH. */
  texts(row: unknown): string[] {
    const values = this.#valuesOf(row)
    return this.#columns.map((column, i) => this.#value(values[i], column))
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
    return fieldOf(connectType(column, column.kind), column)
  }

  #text(values: readonly unknown[], columns: readonly Column[]): string {
    let text = '{'
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i] as Column
      text += column.label
      text += this.#value(values[i], column)
    }
    if (this.#options.temporal !== undefined) this.#observe(values, columns)
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
      const wider = kind === column.kind ? kind : widerKind(column.kind, kind)
      const nullable = column.nullable || kind === 'null'
      if (wider === column.kind && nullable === column.nullable) continue
      column.kind = wider
      column.nullable = nullable
      this.#version += 1
    }
  }

  #valuesOf(row: unknown): readonly unknown[] {
    if (Array.isArray(row)) return this.#fitting(row)
    const fields = row as Readonly<Record<string, unknown>>
    const names = Object.keys(fields)
    if (!sameNames(names, this.#names) && !sameSet(names, this.#names)) this.#reorder(names)
    const columns = this.#names
    const values = new Array<unknown>(columns.length)
    for (let i = 0; i < columns.length; i += 1) values[i] = fields[columns[i] as string]
    return values
  }

  #fitting(row: readonly unknown[]): readonly unknown[] {
    const { schema } = this.#options
    if (schema === undefined)
      throw this.#mismatch(
        'its rows are arrays, and nothing told its columns: set schemaChanges: true of its source, and give this node the source’s parallelism',
      )
    if (row.length === schema.columns.length) {
      if (this.#names !== this.#inOrder) this.#reorder(this.#inOrder)
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
    const seen = new Map(this.#columns.map((column) => [column.name, column]))
    this.#names = names
    this.#columns = this.#columnsOf(names)
    this.#labels = this.#columns.map(({ label }) => label)
    for (const column of this.#columns) {
      const { kind, nullable } = seen.get(column.name) ?? column
      Object.assign(column, { kind, nullable })
    }
    this.#version += 1
  }

  #columnsOf(names: readonly string[]): readonly Column[] {
    const { decimals, temporal = 'text' } = this.#options
    return names.map((name, i) => {
      const declared = this.#declared.get(name)
      const label = `${i === 0 ? '' : ','}${JSON.stringify(name)}:`
      const type = declaredType(declared?.type ?? '')
      const nullable = declared?.nullable ?? true
      return { name, label, declared: type, decimals, temporal, kind: 'null', nullable }
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

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}
