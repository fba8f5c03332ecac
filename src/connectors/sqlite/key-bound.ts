// Keys as checkpoints keep them: one string for each value, with its storage class, so that nothing between here and the
// next run can change it. Only SQLite compares them.

import { quoteName } from './quote.ts'
import { collated, type IndexColumn, type TableDefinition } from './table-definition.ts'
import { isInvalidText, type SqliteValue } from './value.ts'

export type SqliteBound = readonly string[]

export function toBound(key: readonly SqliteValue[]): SqliteBound {
  return key.map((value) => {
    if (value === null) return 'n'
    if (isInvalidText(value)) return `x${Buffer.from(value.invalidUtf8).toString('hex')}`
    if (value instanceof Uint8Array) return `b${Buffer.from(value).toString('hex')}`
    if (typeof value === 'bigint') return `i${value}`
    if (typeof value === 'number') return `r${Object.is(value, -0) ? '-0' : value}`
    return `t${value}`
  })
}

/** The SQL and the parameter for one value of a bound. Plus takes the CAST's affinity away, which would change comparisons. */
function boundSql(part: string): { readonly sql: string; readonly parameter: unknown } {
  const rest = part.slice(1)
  switch (part[0]) {
    case 'i':
      return { sql: '?', parameter: BigInt(rest) }
    case 'r':
      return { sql: '?', parameter: Number(rest) }
    case 't':
      return { sql: '?', parameter: rest }
    case 'b':
      return { sql: '?', parameter: Buffer.from(rest, 'hex') }
    case 'x':
      return { sql: '+CAST(? AS TEXT)', parameter: Buffer.from(rest, 'hex') }
    default:
      return { sql: '?', parameter: null }
  }
}

/** The columns by which a table is split into chunks, compared as its key compares them. */
export function splitColumns(table: TableDefinition, byRowid: boolean): readonly IndexColumn[] {
  if (byRowid) return [{ name: table.rowid as string, collation: 'BINARY' }]
  return table.primaryKey
}

/** `(a, b) >= (?, ?)` with its parameters. */
export function compareBound(
  columns: readonly IndexColumn[],
  operator: '>=' | '<' | '<=',
  bound: SqliteBound,
): { readonly sql: string; readonly parameters: readonly unknown[] } {
  const parts = bound.map(boundSql)
  const left = columns.map((column) => collated(column)).join(', ')
  const right = parts.map((part) => part.sql).join(', ')
  return { sql: `(${left}) ${operator} (${right})`, parameters: parts.map((part) => part.parameter) }
}

/** INSERT of a bound into columns. */
export function insertBound(table: string, columns: readonly string[], bound: SqliteBound, index: number) {
  const parts = bound.map(boundSql)
  return {
    sql: `INSERT INTO ${table} (${[...columns, 'i'].map(quoteName).join(', ')}) VALUES (${parts.map((part) => part.sql).join(', ')}, ?)`,
    parameters: [...parts.map((part) => part.parameter), BigInt(index)],
  }
}
