// MysqlRouter: finds the chunk of a key among bounds, in the server's order.
//
// Whole numbers are compared here: their order is everyone's. All else the server compares, as literals with the collations of the key's
// columns: each round halves what is left for a page of keys, so that thousands of chunks cost some ten queries a page.

import { present } from '../../util/assert.ts'
import type { KeyRouter } from '../cdc/index.ts'
import type { MysqlColumn, MysqlTable } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { boundOf, compareTuples, keyColumns, literal, type MysqlBound } from './key-bound.ts'
import { keyValues } from './row-shape.ts'

/** Statements are cut near this size: servers take 16 MB by default (MariaDB), or what max_allowed_packet says. */
const STATEMENT_CHARS = 256 * 1024

/** A select list may have 4,096 columns. */
const COMPARISONS_MAX = 1000

const WHOLE: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint'])

/** A router of keys in `bounds`, which ascend and are not empty. */
export function makeRouter(connection: MysqlConnection, table: MysqlTable, bounds: readonly MysqlBound[]): KeyRouter {
  const columns = keyColumns(table)
  const isWhole = columns.every(({ kind }) => WHOLE.has(kind))
  return isWhole ? new WholeRouter(table, bounds) : new MysqlRouter(connection, table, bounds)
}

/** Every key lies in the last part: of a table without a key, only the last reading told rows. */
export function lastPartRouter(parts: number): KeyRouter {
  return { route: (keys) => keys.map(() => parts), close: () => {} }
}

class WholeRouter implements KeyRouter {
  readonly #bounds: readonly (readonly bigint[])[]
  readonly #table: MysqlTable

  constructor(table: MysqlTable, bounds: readonly MysqlBound[]) {
    this.#table = table
    this.#bounds = bounds.map((bound) => bound.map((part) => BigInt(part.slice(1))))
  }

  route(keys: readonly (readonly unknown[])[]): readonly number[] {
    return keys.map((key) => {
      const values = keyValues(this.#table, key).map((value) => BigInt(value as bigint | number))
      let [low, high] = [0, this.#bounds.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (isAtOrBefore(this.#bounds[middle] as readonly bigint[], values)) low = middle + 1
        else high = middle
      }
      return low
    })
  }

  close(): void {}
}

function isAtOrBefore(bound: readonly bigint[], key: readonly bigint[]): boolean {
  for (let i = 0; i < bound.length; i++) {
    const [a, b] = [bound[i] as bigint, key[i] as bigint]
    if (a !== b) return a < b
  }
  return true
}

/** What is left of the search for one key: the answer is at least `low` and at most `high`. */
interface Search {
  readonly key: readonly string[]
  low: number
  high: number
}

class MysqlRouter implements KeyRouter {
  readonly #connection: MysqlConnection
  readonly #table: MysqlTable
  readonly #columns: readonly MysqlColumn[]
  readonly #bounds: readonly (readonly string[])[]

  constructor(connection: MysqlConnection, table: MysqlTable, bounds: readonly MysqlBound[]) {
    this.#connection = connection
    this.#table = table
    this.#columns = keyColumns(table)
    this.#bounds = bounds.map((bound) => this.#literals(bound))
  }

  async route(keys: readonly (readonly unknown[])[]): Promise<readonly number[]> {
    const searches = keys.map(
      (key): Search => ({
        key: this.#literals(boundOf(this.#table, this.#columns, keyValues(this.#table, key))),
        low: 0,
        high: this.#bounds.length,
      }),
    )
    for (let open = searches; open.length > 0; open = open.filter(({ low, high }) => low < high))
      await this.#round(open)
    return searches.map(({ low }) => low)
  }

  close(): void {}

  #literals(bound: MysqlBound): readonly string[] {
    return this.#columns.map((column, index) => literal(present(bound[index], `part ${index} of a bound`), column))
  }

  /** Compares each key with the bound in the middle of what is left for it. */
  async #round(searches: readonly Search[]): Promise<void> {
    let [from, chars] = [0, 0]
    const tests: string[] = []
    for (const { key, low, high } of searches) {
      const test = compareTuples(key, '>=', this.#bounds[(low + high) >> 1] as readonly string[])
      tests.push(test)
      chars += test.length
      if (chars < STATEMENT_CHARS && tests.length < COMPARISONS_MAX) continue
      await this.#ask(searches.slice(from, from + tests.length), tests)
      from += tests.length
      tests.length = chars = 0
    }
    if (tests.length > 0) await this.#ask(searches.slice(from), tests)
  }

  async #ask(searches: readonly Search[], tests: readonly string[]): Promise<void> {
    const answers = present(await this.#connection.first(`SELECT ${tests.join(', ')}`), 'answers of the server')
    for (const [index, search] of searches.entries()) {
      const middle = (search.low + search.high) >> 1
      if (Number(answers[index]) === 1) search.low = middle + 1
      else search.high = middle
    }
  }
}
