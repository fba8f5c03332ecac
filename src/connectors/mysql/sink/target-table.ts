// TargetTable: the SQL that writes one table.

import type { SqlTable } from '../../sql/dialect.ts'
import { type MysqlValue, tableName } from '../column.ts'
import { quoteName } from '../connection.ts'
import { type Encoder, encoderOf, hexOf, literalOf } from './literal.ts'
import { textLiteral } from './literal-text.ts'
import type { TargetColumn, TargetDefinition } from './target-definition.ts'

/** A column, and where in a row its value is. */
export interface PlacedColumn {
  readonly column: TargetColumn
  readonly index: number
}

/** A column that rows do not have, and what they get in it, as SQL. */
export interface ConstantColumn {
  readonly column: TargetColumn
  readonly sql: string
}

export interface TargetTableOptions {
  readonly definition: TargetDefinition
  /** What is written. */
  readonly columns: readonly PlacedColumn[]
  /** What is written beside, in a table with a key. */
  readonly constants?: readonly ConstantColumn[]
  /** What tells rows apart; empty: nothing does. */
  readonly key: readonly PlacedColumn[]
  readonly mariadb: boolean
  /** Rows of a table without a key: equal ones are counted, or all are only added. Default `counted`. */
  readonly keyless?: 'counted' | 'added'
}

/** The name under which MySQL knows the new row while one with its key is there. */
const NEW = '`millrace_new`'
const TEXT = /^(char|varchar|tinytext|text|mediumtext|longtext)$/

type Row = readonly unknown[]

/** How a statement is put together: head, one text for each row, between, tail. */
export interface StatementParts {
  readonly head: string
  readonly tail: string
}

export class TargetTable implements SqlTable {
  readonly name: string
  readonly rows: 'keyed' | 'counted' | 'added'
  readonly looseKey: boolean
  readonly definition: TargetDefinition
  readonly insert: StatementParts
  readonly delete: StatementParts
  readonly #columns: readonly TargetColumn[]
  readonly #constants: string
  readonly #indexes: readonly number[]
  readonly #encoders: readonly Encoder[]
  readonly #key: readonly PlacedColumn[]
  readonly #keyNames: readonly string[]
  readonly #keyEncoders: readonly Encoder[]
  readonly #enums: readonly PlacedColumn[]

  constructor({ definition, columns, constants = [], key, mariadb, keyless = 'counted' }: TargetTableOptions) {
    const { database, name } = definition
    this.definition = definition
    this.name = tableName(database, name)
    this.rows = key.length > 0 ? 'keyed' : keyless
    this.looseKey = key.some(({ column }) => TEXT.test(column.kind) && column.collation !== 'utf8mb4_0900_bin')
    this.#columns = columns.map(({ column }) => column)
    this.#constants = constants.map(({ sql }) => `,${sql}`).join('')
    this.#indexes = columns.map(({ index }) => index)
    this.#encoders = this.#columns.map(({ kind }) => encoderOf(kind))
    this.#key = key
    this.#keyNames = key.map(({ column }) => quoteName(column.name))
    this.#keyEncoders = key.map(({ column }) => encoderOf(column.kind))
    this.#enums = columns.filter(({ column }) => column.kind === 'enum')
    const target = `${quoteName(database)}.${quoteName(name)}`
    const written = [...this.#columns, ...constants.map(({ column }) => column)]
    const keyColumns = key.map(({ column }) => column)
    this.insert = {
      head: `INSERT INTO ${target} (${written.map((column) => quoteName(column.name)).join(',')}) VALUES `,
      tail: key.length > 0 ? this.#replaceSql(written, keyColumns, mariadb) : '',
    }
    this.delete =
      key.length === 1
        ? { head: `DELETE FROM ${target} WHERE ${this.#keyNames[0]} IN (`, tail: ')' }
        : { head: `DELETE FROM ${target} WHERE `, tail: '' }
  }

  /** What stands between two rows of a delete. */
  get deleteSeparator(): string {
    return this.#keyNames.length === 1 ? ',' : ' OR '
  }

  idOf(row: Row): unknown {
    if (this.rows !== 'keyed') return this.#indexes.map((index) => textOf(row[index])).join(',')
    const key = this.#key
    if (key.length === 1) return idOfOne(row[(key[0] as PlacedColumn).index])
    return key.map(({ index }) => textOf(row[index])).join(',')
  }

  /** `(1,'a')`. Throws RowRefusal. */
  rowSql(row: Row): string {
    const indexes = this.#indexes
    const encoders = this.#encoders
    let sql = '('
    for (let at = 0; at < indexes.length; at++) {
      const encode = encoders[at] as Encoder
      sql += (at === 0 ? '' : ',') + encode(row[indexes[at] as number] as MysqlValue)
    }
    return `${sql}${this.#constants})`
  }

  /** Part of the delete statement. Tests beside each other, not a list of rows: MariaDB would not use an index for that. */
  keySql(row: Row): string {
    const key = this.#key
    const encoders = this.#keyEncoders
    const valueAt = (at: number): string =>
      (encoders[at] as Encoder)(row[(key[at] as PlacedColumn).index] as MysqlValue)
    if (key.length === 1) return valueAt(0)
    return `(${key.map((_, at) => `${this.#keyNames[at]}=${valueAt(at)}`).join(' AND ')})`
  }

  /** Deletes rows equal in every value, as stored and not as their collations compare. */
  deleteEqualSql(row: Row, count: number): string {
    const { database, name } = this.definition
    const tests = this.#columns.map((column, at) => equalSql(column, row[this.#indexes[at] as number] as MysqlValue))
    return `DELETE FROM ${quoteName(database)}.${quoteName(name)} WHERE ${tests.join(' AND ')} LIMIT ${count}`
  }

  /** How many of its enums hold the error value, which can be written only where nothing is checked. */
  enumErrors(row: Row): number {
    let errors = 0
    for (const { column, index } of this.#enums) if (isEnumError(column, row[index])) errors += 1
    return errors
  }

  /** Whether rows may hold an enum's error value at all. */
  get hasEnums(): boolean {
    return this.#enums.length > 0
  }

  /** For messages: `id = 7`; the whole row where there is no key. */
  keyText(row: Row): string {
    const placed =
      this.#key.length > 0
        ? this.#key
        : this.#columns.map((column, at) => ({ column, index: this.#indexes[at] as number }))
    return placed.map(({ column, index }) => `${column.name} = ${shortText(row[index])}`).join(', ')
  }

  #replaceSql(written: readonly TargetColumn[], key: readonly TargetColumn[], mariadb: boolean): string {
    // A key that is equal under its collation may still be written differently.
    const isFixed = (column: TargetColumn): boolean => !this.looseKey && key.includes(column)
    const changing = written.filter((column) => !isFixed(column))
    const set = (changing.length === 0 ? key : changing).map(({ name }) => {
      const quoted = quoteName(name)
      return `${quoted}=${mariadb ? `VALUES(${quoted})` : `${NEW}.${quoted}`}`
    })
    return `${mariadb ? '' : ` AS ${NEW}`} ON DUPLICATE KEY UPDATE ${set.join(',')}`
  }
}

function shortText(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${hexOf(value.subarray(0, 20))}'`
  const text = String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function isEnumError({ labels }: TargetColumn, value: unknown): boolean {
  return value === 0 || (value === '' && !labels.includes(''))
}

/** Good as the key of a Map, among values of one column. */
function idOfOne(value: unknown): unknown {
  return value instanceof Uint8Array ? hexOf(value) : value
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'n'
  if (typeof value === 'string') return `${value.length}:${value}`
  if (value instanceof Uint8Array) return `x${hexOf(value)}`
  return Object.is(value, -0) ? '-0' : String(value)
}

function equalSql(column: TargetColumn, value: MysqlValue): string {
  const name = quoteName(column.name)
  if (value === null) return `${name} IS NULL`
  switch (column.kind) {
    case 'enum':
      return isEnumError(column, value) ? `${name}+0=0` : `(${name}+0>0 AND ${bytesOf(name)}=${bytesLiteral(value)})`
    case 'geometry':
    case 'vector':
      return `HEX(${name})='${hexOf(value as Uint8Array).toUpperCase()}'`
    case 'json':
      return `${bytesOf(`CAST(${name} AS CHAR CHARACTER SET utf8mb4)`)}=${bytesLiteral(value)}`
    case 'set':
      return `${bytesOf(name)}=${bytesLiteral(value)}`
    case 'float':
    case 'double':
      return `${name}=${encoderOf(column.kind)(value)}${value === 0 ? ` AND LEFT(CAST(${name} AS CHAR),1)${Object.is(value, -0) ? '=' : '<>'}'-'` : ''}`
    default:
      // The first may use an index, the second tells what the collation does not.
      return TEXT.test(column.kind)
        ? `(${name}=${literalOf(value)} AND ${bytesOf(name)}=${bytesLiteral(value)})`
        : `${name}=${encoderOf(column.kind)(value)}`
  }
}

const bytesOf = (sql: string): string => `CAST(CONVERT(${sql} USING utf8mb4) AS BINARY)`
const bytesLiteral = (value: MysqlValue): string => `CAST(${textLiteral(String(value))} AS BINARY)`
