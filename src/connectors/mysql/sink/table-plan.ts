// Which values of a row go where.

import { MillraceError } from '../../../errors.ts'
import type { TableSchema } from '../../../record/change.ts'
import { tableName } from '../column.ts'
import type { AddedValues } from './added-value.ts'
import type { TargetColumn, TargetDefinition, UniqueIndex } from './target-definition.ts'
import { TargetTable } from './target-table.ts'

export interface PlanOptions {
  readonly schema: TableSchema
  /** Former name to present name, of columns that the schema names by their former name. */
  readonly renamed: ReadonlyMap<string, string>
  readonly added: AddedValues
  readonly mariadb: boolean
  readonly unique: 'refuse' | 'keep'
}

/** Throws SCHEMA_MISMATCH where rows could not be told apart as in the source. */
export function planTable(definition: TargetDefinition, options: PlanOptions): TargetTable {
  const { schema, renamed, added, mariadb, unique } = options
  const columns = new Map(definition.columns.map((column) => [column.name.toLowerCase(), column]))
  const find = (name: string): TargetColumn | undefined => columns.get((renamed.get(name) ?? name).toLowerCase())
  const written = schema.columns.flatMap((source, index) => {
    const column = find(source.name)
    return column === undefined || column.generated ? [] : [{ column, index }]
  })
  const key = schema.key.map((name) => {
    const column = find(name)
    if (column === undefined) return fail(definition, `it has no column "${name}", which is in the key`)
    return { column, index: schema.columns.findIndex((source) => source.name === name) }
  })
  const names = new Set(written.map(({ column }) => column.name))
  const keyNames = key.map(({ column }) => column.name)
  checkKey(definition, keyNames, names, unique)
  // Rows without a key are told in the order of the log: they have all the columns that there are.
  const others =
    key.length === 0 ? [] : definition.columns.filter(({ name, generated }) => !names.has(name) && !generated)
  const constants = others.flatMap((column) => {
    const sql = added.get(column.name.toLowerCase())
    return sql === undefined ? [] : [{ column, sql }]
  })
  return new TargetTable({ definition, columns: written, constants, key, mariadb })
}

/** That the key is one of the table, and the only one that rows could be caught in. */
export function checkKey(
  definition: TargetDefinition,
  key: readonly string[],
  written: ReadonlySet<string>,
  unique: 'refuse' | 'keep',
): void {
  const indexes: UniqueIndex[] = [...definition.uniqueIndexes]
  if (definition.primaryKey.length > 0) indexes.unshift({ name: 'PRIMARY', columns: definition.primaryKey })
  const idOf = (names: readonly string[]): string => [...names].sort().join('\0')
  const own = key.length === 0 ? undefined : indexes.find(({ columns }) => idOf(columns) === idOf(key))
  if (key.length > 0 && own === undefined) {
    const reason = `key (${key.join(', ')}) is neither its primary key nor a unique index: ALTER TABLE … ADD UNIQUE over exactly these columns`
    fail(definition, reason)
  }
  const others = indexes.filter((index) => index !== own && index.columns.some((name) => written.has(name)))
  if (others.length === 0 || unique === 'keep') return
  const list = others.map(({ name, columns }) => `${name} (${columns.join(', ')})`).join(', ')
  const reason = `rows with stale neighbours would be caught in its unique index ${list}: make it a plain one, or set uniqueIndexes: 'keep' and lose the row that is there`
  fail(definition, reason)
}

function fail({ database, name }: TargetDefinition, reason: string): never {
  throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(database, name), reason })
}
