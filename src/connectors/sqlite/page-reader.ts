// PageReader: reads pages of rows whose text may be anything.
//
// The driver aborts the process on text that is not valid UTF-8 and cuts text at a NUL. So each page's text is first fetched
// as one blob and looked at; a page with such text is read value by value, as bytes with their storage class. (Measured, rows of
// five columns, per second: 1.10 M unchecked, 0.93 M so, 0.40 M with every value as bytes.)

import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../../errors.ts'
import type { RawRow, SqliteDatabase } from './database.ts'
import type { SqliteValue } from './value.ts'

/** Text that is not valid UTF-8: the job fails, bad bytes become U+FFFD, or the bytes are kept as { invalidUtf8 }. */
export type InvalidTextMode = 'fail' | 'replace' | 'keep'

/** A page to read. `columns` are SQL expressions over `from`, which says the rest: FROM … WHERE … ORDER BY … LIMIT …. */
export interface PageQuery {
  readonly columns: readonly string[]
  readonly from: string
  readonly parameters: readonly unknown[]
}

const DECODERS: Readonly<Record<string, string>> = { 'UTF-8': 'utf-8', 'UTF-16le': 'utf-16le', 'UTF-16be': 'utf-16be' }

export class PageReader {
  readonly #database: SqliteDatabase
  readonly #invalidText: InvalidTextMode
  #encoding: string | undefined

  constructor(database: SqliteDatabase, invalidText: InvalidTextMode) {
    this.#database = database
    this.#invalidText = invalidText
  }

  /** Rows in order; integers are bigints. Inside a transaction, for it reads twice. `where` says of errors. */
  read(query: PageQuery, where: string): SqliteValue[][] {
    if (!this.#isPlain(query)) return this.#readBytes(query, where)
    return this.#database.all(`SELECT ${query.columns.join(', ')} ${query.from}`, query.parameters) as SqliteValue[][]
  }

  /** Whether all text of the page can be told as it is. */
  #isPlain({ columns, from, parameters }: PageQuery): boolean {
    this.#encoding ??= String(this.#database.first('PRAGMA encoding')?.[0])
    if (this.#encoding !== 'UTF-8') return false
    const names = columns.map((_, index) => `c${index}`)
    const texts = names.map((name) => `CASE WHEN typeof(${name}) = 'text' THEN ${name} END`).join(', ')
    const inner = `SELECT ${columns.map((column, index) => `${column} AS c${index}`).join(', ')} ${from}`
    // A line feed between values: halves of a character in two values do not make a whole.
    const all = `SELECT CAST(group_concat(concat_ws(char(10), ${texts}), char(10)) AS BLOB) FROM (${inner})`
    const [blob] = this.#database.first(all, parameters) ?? []
    return blob === null || (blob instanceof Uint8Array && isUtf8(blob) && !blob.includes(0))
  }

  #readBytes({ columns, from, parameters }: PageQuery, where: string): SqliteValue[][] {
    const parts = columns.map(
      (column) =>
        `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END, typeof(${column})`,
    )
    const rows = this.#database.all(`SELECT ${parts.join(', ')} ${from}`, parameters)
    return rows.map((row) => columns.map((column, index) => this.#decode(row, index, column, where)))
  }

  #decode(row: RawRow, index: number, column: string, where: string): SqliteValue {
    const value = row[2 * index] as SqliteValue
    if (row[2 * index + 1] !== 'text') return value
    const bytes = value as Uint8Array
    try {
      return new TextDecoder(DECODERS[this.#encoding ?? 'UTF-8'], { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      if (this.#invalidText === 'keep') return { invalidUtf8: bytes }
      if (this.#invalidText === 'replace')
        return new TextDecoder(DECODERS[this.#encoding ?? 'UTF-8'], { ignoreBOM: true }).decode(bytes)
      const reason = `column ${column} holds text that is not valid ${this.#encoding}: set invalidText to 'replace' or 'keep'`
      throw new MillraceError('SCHEMA_MISMATCH', { table: where, reason })
    }
  }
}
