// Statements that make and alter tables.

import type { ColumnSchema, TableSchema } from '../../../record/change.ts'
import type { SchemaStep } from '../../sql/schema-evolution.ts'
import { quoteName } from '../connection.ts'
import type { TargetColumn, TargetDefinition } from './target-definition.ts'

/** A table of the same columns and key as SHOW CREATE TABLE gave. Undefined where that is not what this can read. */
export interface TableText {
  /** Each line in the parentheses, without its comma. */
  readonly lines: readonly string[]
  /** What stands behind the parentheses, from `)` on. */
  readonly end: string
}

/** Takes the text of SHOW CREATE TABLE apart: it has one line for each column, index and constraint. */
export function readTableText(definition: string): TableText | undefined {
  const all = definition.split('\n')
  const last = all.findIndex((line, index) => index > 0 && line.startsWith(')'))
  if (!/^CREATE TABLE .*\($/.test(all[0] ?? '') || last < 0) return undefined
  const lines = all.slice(1, last).map((line) => line.trim().replace(/,$/, ''))
  return { lines, end: all.slice(last).join('\n') }
}

/** How the columns are declared, by name. */
export function columnTexts({ lines }: TableText): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const line of lines) {
    const match = /^`((?:[^`]|``)*)` /.exec(line)
    if (match !== null) texts.set((match[1] as string).replaceAll('``', '`'), line)
  }
  return texts
}

/**
 * Makes it, without what rows with stale neighbours would be caught in: unique indexes become plain ones, and there are no foreign keys
 * and checks. `key` is its primary key, whatever the source calls so.
 */
export function createLikeSql(target: string, { lines, end }: TableText, key: readonly string[]): string {
  const own = namesIn(lines.find((line) => line.startsWith('PRIMARY KEY ')) ?? '')
  const isOwn = own.length === key.length && own.every((name) => key.includes(name))
  const kept = lines
    .filter((line) => !line.startsWith('CONSTRAINT '))
    // A unique index over whole texts has no plain counterpart.
    .filter((line) => !/^UNIQUE KEY .* USING HASH$/.test(line))
    .map((line) => line.replace(/^UNIQUE KEY /, 'KEY '))
    .map((line) => (isOwn ? line : line.replace(/^PRIMARY KEY /, 'KEY `millrace_key` ')))
  if (!isOwn && key.length > 0) kept.push(`PRIMARY KEY (${key.map(quoteName).join(', ')})`)
  return `CREATE TABLE IF NOT EXISTS ${target} (\n  ${kept.join(',\n  ')}\n${end}`
}

function namesIn(line: string): string[] {
  return [...line.matchAll(/`((?:[^`]|``)*)`/g)].map((match) => (match[1] as string).replaceAll('``', '`'))
}

/** From declared types alone. Texts are told apart by whatever differs: no collation of the source tells more. */
export function createPlainSql(target: string, { columns, key }: TableSchema, mariadb: boolean): string {
  const lines = columns.map((column) => columnSql(column, undefined))
  if (key.length > 0) lines.push(`PRIMARY KEY (${key.map(quoteName).join(', ')})`)
  const collation = mariadb ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
  return `CREATE TABLE IF NOT EXISTS ${target} (${lines.join(', ')}) CHARACTER SET utf8mb4 COLLATE ${collation} ENGINE=InnoDB`
}

/** A column that existing rows get, with the values that they have in the source. */
function addedColumnSql(column: ColumnSchema, texts: ReadonlyMap<string, string> | undefined): string {
  return column.declared === undefined ? columnSql(column, texts) : `${quoteName(column.name)} ${column.declared}`
}

/** As the source declares it where that is known, else by its type. */
function columnSql(column: ColumnSchema, texts: ReadonlyMap<string, string> | undefined): string {
  const text = texts?.get(column.name)
  if (text !== undefined) return text.replace(/ AUTO_INCREMENT\b/, '')
  return `${quoteName(column.name)} ${typeSql(column.type)} ${nullSql(column)}`
}

/** The column as it is, but NULL where a row leaves it out. */
function relaxedColumnSql({ name, type, charset, collation }: TargetColumn): string {
  const text = charset === null ? '' : `CHARACTER SET ${charset} COLLATE ${collation}`
  return `${quoteName(name)} ${type} ${text} NULL DEFAULT NULL`
}

/** A step as a clause of ALTER TABLE. `texts`: how the source declares its columns. */
export function stepSql(
  step: SchemaStep,
  there: TargetDefinition,
  texts: ReadonlyMap<string, string> | undefined,
): string {
  switch (step.kind) {
    case 'add':
      return `ADD COLUMN ${addedColumnSql(step.column, texts)}`
    case 'modify':
      return `MODIFY COLUMN ${columnSql(step.column, texts)}`
    case 'rename':
      return `RENAME COLUMN ${quoteName(step.from)} TO ${quoteName(step.to)}`
    case 'drop':
      return `DROP COLUMN ${quoteName(step.name)}`
    case 'relax': {
      const column = there.columns.find(({ name }) => name === step.name)
      return `MODIFY COLUMN ${relaxedColumnSql(column as TargetDefinition['columns'][number])}`
    }
  }
}

/** The clause that gives the table the source's key; none if rows can be told apart by it already. */
export function rekeySql({ primaryKey, uniqueIndexes }: TargetDefinition, { key }: TableSchema): string[] {
  const idOf = (names: readonly string[]): string =>
    names
      .map((name) => name.toLowerCase())
      .sort()
      .join('\0')
  const keys = [primaryKey, ...uniqueIndexes.map(({ columns }) => columns)]
  if (keys.some((names) => idOf(names) === idOf(key))) return []
  const drop = primaryKey.length === 0 ? [] : ['DROP PRIMARY KEY']
  // Rows are still found by their former key.
  const add = key.length > 0 ? `ADD PRIMARY KEY (${key.map(quoteName)})` : `ADD KEY (${primaryKey.map(quoteName)})`
  return [[...drop, add].join(', ')]
}

function nullSql({ type, nullable }: ColumnSchema): string {
  // Else the first TIMESTAMP of a table would get a default of its own.
  return nullable ? 'NULL' : /^timestamp\b/i.test(type) ? 'NOT NULL DEFAULT 0' : 'NOT NULL'
}

/** A declared type is words, numbers in parentheses, quoted labels: nothing that could end the column. */
const DECLARED = /^[a-z][\w ]*(\((\d+(,\d+)?|'(?:[^']|'')*'(,'(?:[^']|'')*')*)\))?( [\w ]+)?$/i

function typeSql(declared: string): string {
  const type = declared.replaceAll(/\/\*[^*]*\*\//g, '').trim()
  if (DECLARED.test(type)) return type
  throw new Error(`its type ${JSON.stringify(declared)} is not understood`)
}
