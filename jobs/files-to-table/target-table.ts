// TargetTable: the table rows go to. What its columns are is said by the database alone: by whoever made it, or by what the first
// start inferred. So every worker, and every later run, converts rows alike.

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'libsql'
import { MillraceError } from 'millrace'
import { type FilesSourceOptions, sampleFiles } from 'millrace/connectors/files'
import { type Cell, type ColumnType, toCell, typeOf, typeOfText, widen } from './column-type.ts'

/** A row of the table, by column. */
export type Row = Record<string, Cell>
type Columns = ReadonlyMap<string, ColumnType>

export interface TargetOptions {
  readonly file: string
  readonly table: string
  readonly key: readonly string[]
}

/** Makes the table, and converts records to its rows. */
export class TargetTable {
  readonly #options: TargetOptions
  #columns: Columns | undefined

  constructor(options: TargetOptions) {
    this.#options = options
  }

  /** Makes the table unless it is there: columns as given, else as the sample has them. Throws SETTING_INVALID. */
  async create(files: FilesSourceOptions<unknown>, given: Columns): Promise<void> {
    const { file, key } = this.#options
    mkdirSync(dirname(file), { recursive: true })
    const db = new Database(file)
    try {
      if (readColumns(db, this.#options.table).size > 0) return
      const columns = inferColumns(await sampleFiles(files), files.format === 'csv')
      for (const [name, type] of given) columns.set(name, type)
      if (columns.size === 0)
        throw setting('from', String(files.paths), 'files to infer columns from, or --set types=…')
      for (const name of key)
        if (!columns.has(name)) throw setting('key', name, `one of ${[...columns.keys()].join(', ')}`)
      db.pragma('journal_mode = WAL')
      db.exec(createStatement(this.#options, columns))
    } finally {
      db.close()
    }
  }

  /** A record's row; the source calls this and puts aside what it throws for. */
  parse(record: unknown): Row {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new Error('expected an object')
    this.#columns ??= this.#read()
    const row: Row = {}
    for (const name of this.#columns.keys()) setColumn(row, name, null)
    for (const [name, value] of Object.entries(record)) {
      const type = this.#columns.get(name)
      if (type === undefined) throw new Error(`table "${this.#options.table}" has no column "${name}"`)
      const cell = toCell(value, type)
      if (cell === undefined) throw new Error(`column "${name}" is ${type} and cannot hold ${JSON.stringify(value)}`)
      setColumn(row, name, cell)
    }
    for (const name of this.#options.key) if (row[name] === null) throw new Error(`key column "${name}" is empty`)
    return row
  }

  #read(): Columns {
    const db = new Database(this.#options.file, { readonly: true })
    try {
      return readColumns(db, this.#options.table)
    } finally {
      db.close()
    }
  }
}

/** Assigning to __proto__ would set no column but the object's prototype. */
function setColumn(row: Row, name: string, value: Cell): void {
  if (name !== '__proto__') row[name] = value
  else Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true })
}

function setting(key: string, value: string, expected: string): MillraceError {
  return new MillraceError('SETTING_INVALID', { key, value: JSON.stringify(value), expected })
}

/** In the order in which they are met. A column with no value in the sample can hold any text. */
function inferColumns(sample: readonly unknown[], isText: boolean): Map<string, ColumnType> {
  const seen = new Map<string, ColumnType | undefined>()
  for (const record of sample) {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) continue
    for (const [name, value] of Object.entries(record)) {
      seen.set(name, widen(seen.get(name), isText ? typeOfText(value) : typeOf(value)))
    }
  }
  return new Map([...seen].map(([name, type]) => [name, type ?? 'text']))
}

function readColumns(db: Database.Database, table: string): Columns {
  const found = db.prepare('SELECT name, type FROM pragma_table_info(?)').all(table) as { name: string; type: string }[]
  return new Map(found.map(({ name, type }) => [name, typeByAffinity(type)]))
}

/** As SQLite does: a column's declared type says what it prefers to hold. */
function typeByAffinity(declared: string): ColumnType {
  if (/INT/i.test(declared)) return 'integer'
  return /REAL|FLOA|DOUB|NUM|DEC/i.test(declared) ? 'real' : 'text'
}

function createStatement({ table, key }: TargetOptions, columns: Columns): string {
  const parts = [...columns].map(
    ([name, type]) => `${quoted(name)} ${type.toUpperCase()}${key.includes(name) ? ' NOT NULL' : ''}`,
  )
  if (key.length > 0) parts.push(`PRIMARY KEY (${key.map(quoted).join(', ')})`)
  return `CREATE TABLE ${quoted(table)} (${parts.join(', ')})`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
