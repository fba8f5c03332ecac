// What a snapshot selects so that each value is exactly what the log holds of it. All by the text protocol.

import type { MysqlColumn, MysqlTable, MysqlValue } from './column.ts'
import { quoteName, type RawRow } from './connection.ts'

/** The expressions that read a table's columns, and what turns their results into values. */
export interface SelectList {
  /** One expression for each column, in column order; generated and invisible ones too. */
  readonly sql: readonly string[]
  /** The same array, its values replaced. */
  readonly values: (raw: RawRow) => MysqlValue[]
}

/** How to select a table's columns: rows as arrays, by MysqlConnection's own settings. */
export function selectList(table: MysqlTable): SelectList {
  const reads = table.columns.map((column) => readOf(column, quoteName(column.name)))
  return {
    sql: reads.map(({ sql }) => sql),
    values: replaceValues(reads.map(({ convert }) => convert)),
  }
}

type Convert = (value: NonNullable<unknown>) => MysqlValue

interface Read {
  readonly sql: string
  /** undefined: the driver's value is the value. */
  readonly convert?: Convert
}

function readOf(column: MysqlColumn, name: string): Read {
  switch (column.kind) {
    case 'bigint':
      return { sql: name, convert: (value) => BigInt(value as string) }
    case 'decimal':
      return /zerofill/i.test(column.type) ? { sql: name, convert: withoutPadding } : { sql: name }
    case 'float':
      // As a double, whose text is exact enough for a float; + 0e0 would lose the sign of -0.
      return { sql: `${name} * 1e0`, convert: (value) => Math.fround(value as number) }
    case 'double':
      // The driver's own reading of digits is off by one bit now and then.
      return { sql: `CAST(${name} AS CHAR)`, convert: Number }
    case 'geometry':
    case 'vector':
      return { sql: `CAST(${name} AS BINARY)`, convert: copyBytes }
    case 'bit':
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { sql: name, convert: copyBytes }
    case 'enum':
      return column.labels.includes('') ? { sql: `${name} + 0`, convert: memberOf(column.labels) } : { sql: name }
    default:
      return { sql: name }
  }
}

function replaceValues(converts: readonly (Convert | undefined)[]): (raw: RawRow) => MysqlValue[] {
  const at = converts.flatMap((convert, index) => (convert === undefined ? [] : [index]))
  const by = converts.filter((convert) => convert !== undefined)
  return (raw) => {
    for (let i = 0; i < at.length; i++) {
      const value = raw[at[i] as number]
      if (value !== null) raw[at[i] as number] = (by[i] as Convert)(value as NonNullable<unknown>)
    }
    return raw as MysqlValue[]
  }
}

/** Of its own: the driver's bytes are a view that would keep the whole packet alive. */
function copyBytes(value: NonNullable<unknown>): Uint8Array {
  return new Uint8Array(value as Buffer)
}

/** ZEROFILL pads the text, not the value. */
function withoutPadding(value: NonNullable<unknown>): string {
  return (value as string).replace(/^(-?)0+(?=\d)/, '$1')
}

/** A member named '' and the error value print the same: their numbers tell them apart. */
function memberOf(labels: readonly string[]): Convert {
  return (index) => (index === 0 ? 0 : (labels[(index as number) - 1] as string))
}
