// SqliteDatabase: one connection. The only importer of libsql.
//
// Owns: the connection and a bounded cache of prepared statements.
//
// I1. Rows come as arrays. Statements run to their end: an open cursor would lock tables against ALTER and DROP.
// I2. Parameters go as one array: the driver spreads and flattens anything else.

import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Libsql from 'libsql'
import { MillraceError, reasonOf } from '../../errors.ts'

/** A row as the driver gives it. */
export type RawRow = unknown[]

interface Statement {
  run(parameters: readonly unknown[]): { changes: number }
  all(parameters: readonly unknown[]): unknown[]
  raw(on: boolean): Statement
  safeIntegers(on: boolean): Statement
}

const STATEMENTS_MAX = 256

export class SqliteDatabase {
  readonly file: string
  readonly #database: Libsql.Database
  /** Least recently used first. */
  readonly #statements = new Map<string, Statement>()

  /** Opens or creates the file. `busyMs`: how long to wait for another process's lock. */
  constructor(file: string, busyMs: number) {
    this.file = file
    try {
      this.#database = new Libsql(file, { timeout: busyMs } as Libsql.Options)
      this.all('SELECT 1 FROM sqlite_schema LIMIT 1')
    } catch (error) {
      throw new MillraceError('IO', { action: 'open database', path: file, reason: whyNotOpened(file, error) }, error)
    }
  }

  /** Several statements, no rows. */
  exec(sql: string): void {
    this.#guard(sql, () => this.#database.exec(sql))
  }

  /** Integers are bigints, except with `plainIntegers`, where they are numbers, rounded beyond 2^53. */
  all(sql: string, parameters: readonly unknown[] = [], plainIntegers = false): RawRow[] {
    return this.#guard(sql, () => this.#statement(sql, plainIntegers).all(parameters) as RawRow[])
  }

  first(sql: string, parameters: readonly unknown[] = []): RawRow | undefined {
    return this.all(sql, parameters)[0]
  }

  /** The number of rows changed. */
  run(sql: string, parameters: readonly unknown[] = []): number {
    return this.#guard(sql, () => this.#statement(sql, false).run(parameters).changes)
  }

  /** Runs work in one transaction; rolls back if it throws. Inside another transaction it is part of that one. */
  transaction<R>(mode: 'DEFERRED' | 'IMMEDIATE', work: () => R): R {
    if (this.#database.inTransaction) return work()
    this.exec(`BEGIN ${mode}`)
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  rollback(): void {
    if (this.#database.inTransaction) this.#database.exec('ROLLBACK')
  }

  close(): void {
    this.#statements.clear()
    if (this.#database.open) this.#database.close()
  }

  #statement(sql: string, plainIntegers: boolean): Statement {
    const name = plainIntegers ? `n${sql}` : `b${sql}`
    const known = this.#statements.get(name)
    if (known !== undefined) {
      this.#statements.delete(name)
      this.#statements.set(name, known)
      return known
    }
    const statement = this.#database.prepare(sql) as unknown as Statement
    if (/^\s*(?:SELECT|PRAGMA|WITH)/i.test(sql)) statement.raw(true).safeIntegers(!plainIntegers)
    this.#statements.set(name, statement)
    const oldest = this.#statements.keys().next().value
    if (this.#statements.size > STATEMENTS_MAX && oldest !== undefined) this.#statements.delete(oldest)
    return statement
  }

  #guard<R>(sql: string, work: () => R): R {
    try {
      return work()
    } catch (error) {
      const statement = sql.length > 200 ? `${sql.slice(0, 200)}…` : sql
      throw new MillraceError(
        'IO',
        { action: 'query', path: this.file, reason: `${reasonOf(error)} (${statement})` },
        error,
      )
    }
  }
}

/** The driver says no more than "unable to open". */
function whyNotOpened(file: string, error: unknown): string {
  const reason = reasonOf(error)
  if (!reason.includes('Unable to open')) return reason
  const folder = dirname(file)
  if (!existsSync(folder)) return `folder ${folder} is not there: make it, or correct the path`
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) return 'it is a folder: name a file in it'
  return 'it cannot be read or made: look at the permissions of the file and of its folder'
}
