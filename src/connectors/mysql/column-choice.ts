// Which columns of a table are in its rows, and which of them are masked.

import { createHash } from 'node:crypto'
import { MillraceError } from '../../errors.ts'
import { tablePattern } from '../cdc/index.ts'
import { type MysqlColumn, type MysqlTable, tableName } from './column.ts'
import type { ColumnMask, ShapeSettings } from './shape-options.ts'

const TEXTS: ReadonlySet<string> = new Set(['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'])
const SHA256_DIGITS = 64

/** What MariaDB keeps for a UNIQUE of long texts: told by the log, but by no catalogue, which would say bigint(20). */
function isHidden({ name, type }: MysqlColumn): boolean {
  return /^DB_ROW_HASH_\d+$/.test(name) && type === 'bigint unsigned'
}

/** One column of the rows. */
export interface ChosenColumn {
  readonly column: MysqlColumn
  /** Its place in the table's values. */
  readonly at: number
  readonly mask?: (value: string) => string
  /** As declared, or what holds it masked. */
  readonly type: string
}

/** The columns of the rows, in their order. Throws SCHEMA_MISMATCH for a column that must be there as it is. */
export function chooseColumns(table: MysqlTable, { columns }: ShapeSettings): readonly ChosenColumn[] {
  // The server compares names of columns without case; what is to be masked must not slip through by it.
  const matcher = (patterns: readonly string[]) =>
    tablePattern(
      patterns.map((pattern) => pattern.toLowerCase()),
      'mysqlChanges',
    )
  const included = columns.include === undefined ? () => true : matcher(columns.include)
  const excluded = columns.exclude === undefined ? () => false : matcher(columns.exclude)
  const masks = Object.entries(columns.mask ?? {}).map(([pattern, mask]) => ({ matches: matcher([pattern]), mask }))
  return table.columns.flatMap((column, at): ChosenColumn[] => {
    const name = `${tableName(table.database, table.name)}.${column.name}`.toLowerCase()
    const isKey = table.key.includes(column.name)
    if (isHidden(column)) return []
    const mask = masks.find(({ matches }) => matches(name))?.mask
    if (isKey && (excluded(name) || mask !== undefined))
      refuse(
        table,
        column,
        'is of the primary key, by which rows are told apart: it can be neither left out nor masked',
      )
    if (!isKey && (!included(name) || excluded(name))) return []
    if (mask === undefined) return [{ column, at, type: column.type }]
    if (!TEXTS.has(column.kind))
      refuse(table, column, `is of type ${column.type}, and only text can be masked: exclude it`)
    return [{ column, at, mask: maskOf(mask), type: maskedType(column, mask) }]
  })
}

function refuse(table: MysqlTable, column: MysqlColumn, reason: string): never {
  const name = tableName(table.database, table.name)
  throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason: `column "${column.name}" ${reason}` })
}

function maskOf(mask: ColumnMask): (value: string) => string {
  if ('chars' in mask) {
    const stars = '*'.repeat(mask.chars)
    return () => stars
  }
  if ('truncate' in mask) return (value) => firstCharacters(value, mask.truncate)
  return (value) => createHash('sha256').update(mask.salt).update(value).digest('hex')
}

/** Never half a character. */
function firstCharacters(value: string, count: number): string {
  if (value.length <= count) return value
  let end = 0
  for (let i = 0; i < count && end < value.length; i++) end += (value.codePointAt(end) as number) > 0xffff ? 2 : 1
  return value.slice(0, end)
}

function maskedType({ type, length }: MysqlColumn, mask: ColumnMask): string {
  const needed = 'chars' in mask ? mask.chars : 'salt' in mask ? SHA256_DIGITS : 0
  return length > 0 && length < needed ? `varchar(${needed})` : type
}
