// Columns that were dropped, as far as others came to have their names: what is told from before is not theirs.

import type { DroppedColumn, TableSchema } from '../../../record/change.ts'
import { isOlder, type SchemaPlace } from './place.ts'
import type { TargetDefinition } from './target-definition.ts'

/** Names that are remembered. */
const NAMES_MAX = 1000

/** Of each name, where it was dropped last. */
export function joinDropped(known: readonly DroppedColumn[], told: readonly DroppedColumn[]): readonly DroppedColumn[] {
  const joined = new Map(known.map((column) => [idOf(column.name), column]))
  for (const column of told) {
    const before = joined.get(idOf(column.name))
    if (before !== undefined && isOlder(column, before)) continue
    joined.delete(idOf(column.name))
    joined.set(idOf(column.name), column)
  }
  return [...joined.values()].slice(-NAMES_MAX)
}

/** The columns, told at a place, under names that no column has where the one that is meant was dropped since. */
export function markDropped(schema: TableSchema, place: SchemaPlace, dropped: readonly DroppedColumn[]): TableSchema {
  const since = new Set(dropped.filter((column) => isOlder(place, column)).map(({ name }) => idOf(name)))
  if (since.size === 0) return schema
  const columns = schema.columns.map((column) => {
    if (!since.has(idOf(column.name)) || schema.key.includes(column.name)) return column
    const { type, nullable, generated } = column
    // Names do not end in a blank.
    return { name: `${column.name} (dropped) `, type, nullable, generated }
  })
  return { ...schema, columns }
}

/** Names, in lower case, of columns that were dropped behind the place up to which the target follows. */
export function droppedSince({ dropped = [] }: TableSchema, last: SchemaPlace | undefined): ReadonlySet<string> {
  if (last === undefined) return new Set()
  return new Set(dropped.filter((column) => isOlder(last, column)).map(({ name }) => idOf(name)))
}

/** The target's columns that are meant by these names: it may be that others of the schema have them by now. */
export function droppedColumns(
  { columns, primaryKey }: TargetDefinition,
  schema: TableSchema,
  names: ReadonlySet<string>,
): ReadonlySet<string> {
  const there = new Set(columns.map(({ name }) => idOf(name)))
  const kept = new Set(primaryKey.map(idOf))
  // What is yet to be renamed had the name before.
  for (const { name, declared, formerNames = [] } of schema.columns)
    if (declared === undefined && !there.has(idOf(name))) for (const was of formerNames) kept.add(idOf(was))
  return new Set(columns.map(({ name }) => name).filter((name) => names.has(idOf(name)) && !kept.has(idOf(name))))
}

/** Names of columns do not tell letters' case apart. */
function idOf(name: string): string {
  return name.toLowerCase()
}
