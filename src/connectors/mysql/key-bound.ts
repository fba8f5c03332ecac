// Keys as checkpoints keep them and as SQL says them: the server reads back exactly the key it gave, and the server alone compares.

import { MillraceError } from '../../errors.ts'
import { assert, present } from '../../util/assert.ts'
import { type MysqlColumn, type MysqlTable, type MysqlValue, tableName } from './column.ts'
import { quoteName, type RawRow } from './connection.ts'

/**
 * One string for each column of the key; its first letter says what follows: `n` a number as SQL writes it, `q` what is quoted (times,
 * addresses), `s` text as character set, colon and bytes in hex, `b` bytes in hex.
 */
export type MysqlBound = readonly string[]

/** How the values of a kind are put in SQL. */
type Form = 'number' | 'double' | 'member' | 'date' | 'time' | 'datetime' | 'address' | 'text' | 'bytes'

const FORMS: Readonly<Partial<Record<MysqlColumn['kind'], Form>>> = {
  float: 'double',
  double: 'double',
  enum: 'member',
  set: 'member',
  bit: 'member',
  date: 'date',
  time: 'time',
  datetime: 'datetime',
  timestamp: 'datetime',
  uuid: 'address',
  inet4: 'address',
  inet6: 'address',
  binary: 'bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
}

const NUMBERS: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint', 'decimal', 'year'])

function formOf({ kind }: MysqlColumn): Form {
  return NUMBERS.has(kind) ? 'number' : (FORMS[kind] ?? 'text')
}

/** The columns of a table's key, in the key's order. */
export function keyColumns(table: MysqlTable): readonly MysqlColumn[] {
  return table.key.map((name) =>
    present(
      table.columns.find((column) => column.name === name),
      `column ${name} of the key`,
    ),
  )
}

/** What a query selects to get a bound: toBound() reads its results. */
export function boundExpressions(columns: readonly MysqlColumn[]): readonly string[] {
  return columns.map((column) => {
    const name = quoteName(column.name)
    const form = formOf(column)
    if (form === 'text' || form === 'bytes') return `HEX(${name})`
    if (form === 'double') return `CAST(${name} * 1e0 AS CHAR)`
    return form === 'member' ? `CAST(${name} + 0 AS CHAR)` : `CAST(${name} AS CHAR)`
  })
}

/** The bound that boundExpressions() selected. */
export function toBound(columns: readonly MysqlColumn[], row: RawRow): MysqlBound {
  return columns.map((column, index) => {
    const text = String(present(row[index], `a value of key column ${column.name}`))
    switch (formOf(column)) {
      case 'text':
        return `s${present(column.charset, 'a character set')}:${text}`
      case 'bytes':
        return `b${text}`
      case 'double':
        return `n${/e/i.test(text) ? text : `${text}e0`}`
      case 'number':
      case 'member':
        return `n${text}`
      default:
        return `q${text}`
    }
  })
}

/** Whether boundOf() gives the very bytes that the server compares: not of text that was converted from an old character set, nor by labels. */
export function hasExactBounds(column: MysqlColumn): boolean {
  if (column.kind === 'enum' || column.kind === 'set') return false
  return formOf(column) !== 'text' || /^(utf8|utf8mb3|utf8mb4|ascii)$/.test(column.charset ?? '')
}

/** The bound of values as a row has them. Throws SCHEMA_MISMATCH for a member that an enum or set does not have. */
export function boundOf(table: MysqlTable, columns: readonly MysqlColumn[], values: readonly MysqlValue[]): MysqlBound {
  return columns.map((column, index) => {
    const value = present(values[index], `a value of key column ${column.name}`)
    switch (formOf(column)) {
      case 'text':
        return `sutf8mb4:${Buffer.from(String(value)).toString('hex')}`
      case 'bytes':
        return `b${hex(value as Uint8Array)}`
      case 'double':
        return `n${/e/.test(String(value)) ? value : `${value}e0`}`
      case 'member':
        return `n${column.kind === 'bit' ? BigInt(`0x${hex(value as Uint8Array)}`) : memberNumber(table, column, value)}`
      case 'number':
        return `n${value}`
      default:
        return `q${value}`
    }
  })
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** By which the server orders members. */
function memberNumber(table: MysqlTable, column: MysqlColumn, value: MysqlValue): bigint {
  const unknown = (label: string): never => {
    const reason = `column "${column.name}" has no member "${label}" any more, by which rows of its key were told apart`
    throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(table.database, table.name), reason })
  }
  if (value === 0 || value === '')
    return column.kind === 'enum' && value !== 0 ? BigInt(column.labels.indexOf('') + 1) : 0n
  const numberOf = (label: string): bigint => {
    const at = column.labels.indexOf(label)
    return at < 0 ? unknown(label) : BigInt(at)
  }
  if (column.kind === 'enum') return numberOf(String(value)) + 1n
  return String(value)
    .split(',')
    .reduce((sum, label) => sum | (1n << numberOf(label)), 0n)
}

/** A part of a bound as SQL that has the type of its column even where no column is near. */
export function literal(part: string, column: MysqlColumn): string {
  const rest = part.slice(1)
  switch (part[0]) {
    case 'n':
      assert(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(rest), 'a number in a bound')
      return rest
    case 'b':
      return `X'${checkHex(rest)}'`
    case 's':
      return textLiteral(rest, column)
    default:
      return castLiteral(rest, column)
  }
}

function checkHex(text: string): string {
  assert(/^(?:[\da-f]{2})*$/i.test(text), 'bytes in a bound')
  return text
}

function textLiteral(part: string, { charset, collation }: MysqlColumn): string {
  const colon = part.indexOf(':')
  const from = part.slice(0, colon)
  assert(/^\w+$/.test(from), 'a character set in a bound')
  const text = `_${from} X'${checkHex(part.slice(colon + 1))}'`
  // In the column's own character set: else the server would compare by the collation of another one.
  const own = charset === null || charset === from ? text : `CONVERT(${text} USING ${charset})`
  return collation === null ? own : `${own} COLLATE ${collation}`
}

const CASTS: Readonly<Partial<Record<MysqlColumn['kind'], string>>> = {
  date: 'DATE',
  time: 'TIME(6)',
  datetime: 'DATETIME(6)',
  timestamp: 'DATETIME(6)',
  uuid: 'UUID',
  inet4: 'INET4',
  inet6: 'INET6',
}

function castLiteral(text: string, { kind, name }: MysqlColumn): string {
  assert(/^[\w:. -]*$/.test(text), 'a time or an address in a bound')
  return `CAST('${text}' AS ${present(CASTS[kind], `how ${name} is compared`)})`
}

/** `key >= bound` or `key < bound`, so that an index on the key is used: a comparison of rows would not use it. */
function compareKey(columns: readonly MysqlColumn[], operator: '>=' | '<', bound: MysqlBound): string {
  return compareTuples(
    columns.map((column) => quoteName(column.name)),
    operator,
    columns.map((column, index) => literal(bound[index] as string, column)),
  )
}

/** As compareKey, of any expressions. */
export function compareTuples(left: readonly string[], operator: '>=' | '<', right: readonly string[]): string {
  const strict = operator === '>=' ? '>' : '<'
  const last = left.length - 1
  let test = `${left[last]} ${operator} ${right[last]}`
  for (let i = last - 1; i >= 0; i--)
    test = `(${left[i]} ${strict} ${right[i]} OR (${left[i]} = ${right[i]} AND ${test}))`
  // Says nothing new, and bounds the index's first column.
  return last === 0 ? test : `(${left[0]} ${strict}= ${right[0]} AND ${test})`
}

/** FROM … WHERE … ORDER BY the key, of a range of a table with a key. */
export function fromRange(table: MysqlTable, from: MysqlBound | null, to: MysqlBound | null): string {
  const columns = keyColumns(table)
  const tests = [
    from === null ? undefined : compareKey(columns, '>=', from),
    to === null ? undefined : compareKey(columns, '<', to),
  ].filter((test) => test !== undefined)
  const where = tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`
  const order = columns.map((column) => quoteName(column.name)).join(', ')
  return `FROM ${qualifiedName(table)}${where} ORDER BY ${order}`
}

/** `database`.`table` for SQL. */
export function qualifiedName({ database, name }: { readonly database: string; readonly name: string }): string {
  return `${quoteName(database)}.${quoteName(name)}`
}
