// Names to other names, by patterns.

import { tablePattern } from '../../connectors/cdc/index.ts'
import type { Change, ChangeSource } from '../../record/change.ts'

/** A test of `database.table` or topics, by patterns. Without patterns all are meant. */
export function nameTest(patterns: readonly string[] | undefined): (name: string) => boolean {
  return patterns === undefined ? () => true : tablePattern(patterns, 'handlers')
}

/** The first entry whose pattern fits; undefined if none does. */
export function firstFit(names: Readonly<Record<string, string>>): (name: string) => string | undefined {
  const entries = Object.entries(names).map(([pattern, to]) => ({ fits: tablePattern([pattern], 'handlers'), to }))
  return (name) => entries.find(({ fits }) => fits(name))?.to
}

/** `*` in a target stands for the present name. */
export function filled(target: string, name: string): string {
  return target.replaceAll('*', () => name)
}

/** The source under the name that a target says; itself if that is its own. */
export function retargeted(source: ChangeSource, target: string): ChangeSource {
  if (target === '*') return source
  const dot = target.indexOf('.')
  const database = filled(target.slice(0, dot), source.database)
  const table = filled(target.slice(dot + 1), source.table)
  return database === source.database && table === source.table ? source : { ...source, database, table }
}

/** The change of another source. */
export function withSource(change: Change<unknown>, source: ChangeSource): Change<unknown> {
  if (change.source === source) return change
  const { op, before, after, key, oldKey, schema } = change
  const plain: Change<unknown> = { op, before, after, key, source }
  if (oldKey !== undefined) return { ...plain, oldKey }
  return schema === undefined ? plain : { ...plain, schema }
}

/** For messages and patterns: `database.table`. */
export function tableOf({ database, table }: Pick<ChangeSource, 'database' | 'table'>): string {
  return `${database}.${table}`
}
