// SqliteRouter: finds the chunk of a key in a temporary table, ordered as the key's own index.
//
// Owns: the temporary table, in its connection's own space: the database file is not written.

import { assert } from '../../util/assert.ts'
import type { KeyRouter } from '../cdc/index.ts'
import type { SqliteDatabase } from './database.ts'
import { compareBound, insertBound, type SqliteBound, toBound } from './key-bound.ts'
import { quoteName } from './quote.ts'
import type { IndexColumn } from './table-definition.ts'
import type { SqliteValue } from './value.ts'

let routers = 0

export class SqliteRouter implements KeyRouter {
  readonly #database: SqliteDatabase
  readonly #columns: readonly IndexColumn[]
  readonly #table: string

  /** `collations`: of the split columns, in order. Bounds ascend. */
  constructor(database: SqliteDatabase, collations: readonly string[], bounds: readonly SqliteBound[]) {
    this.#database = database
    this.#columns = collations.map((collation, index) => ({ name: `k${index}`, collation }))
    routers += 1
    this.#table = `temp.${quoteName(`millrace_router_${routers}`)}`
    const names = this.#columns.map((column) => column.name)
    const declared = this.#columns
      .map((column) => `${quoteName(column.name)} COLLATE ${quoteName(column.collation)}`)
      .join(', ')
    database.transaction('DEFERRED', () => {
      database.exec(
        `CREATE TEMP TABLE ${quoteName(`millrace_router_${routers}`)} (${declared}, i, PRIMARY KEY (${names.join(', ')})) WITHOUT ROWID`,
      )
      for (const [index, bound] of bounds.entries()) {
        const insert = insertBound(this.#table, names, bound, index + 1)
        database.run(insert.sql, insert.parameters)
      }
    })
  }

  route(keys: readonly (readonly unknown[])[]): readonly number[] {
    const descending = this.#columns.map((column) => `${quoteName(column.name)} DESC`).join(', ')
    return keys.map((key) => {
      // Whole numbers compare equal as INTEGER and REAL: what the option `integers` made of a key does not matter.
      assert(key.length === this.#columns.length, 'a key has as many values as its table has key columns')
      const { sql, parameters } = compareBound(this.#columns, '<=', toBound(key as readonly SqliteValue[]))
      const row = this.#database.first(
        `SELECT i FROM ${this.#table} WHERE ${sql} ORDER BY ${descending} LIMIT 1`,
        parameters,
      )
      return row === undefined ? 0 : Number(row[0])
    })
  }

  close(): void {
    this.#database.exec(`DROP TABLE IF EXISTS ${this.#table}`)
  }
}
