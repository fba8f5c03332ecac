// What a database has beside tables.

import { existsSync, realpathSync } from 'node:fs'
import Libsql from 'libsql'

/** How long to wait for another program's lock. */
const WAIT = { timeout: 30_000 } as Libsql.Options

/** Refuses a missing source, and a file synced into itself. */
export function checkFiles(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`--set from=${from}: there is no such file`)
  if (existsSync(to) && realpathSync(from) === realpathSync(to))
    throw new Error(`--set to=${to}: this is the file of --set from`)
}

/**
 * Makes the source's indexes and views in the target where they are missing and their tables are there. UNIQUE is left out: while
 * changes are on their way, rows may stand beside older ones.
 */
export function copyIndexesAndViews(from: string, to: string): void {
  if (!existsSync(to)) return
  const source = new Libsql(from, WAIT)
  const target = new Libsql(to, WAIT)
  try {
    const there = new Set(namesIn(target))
    for (const { name, table, kind, sql } of objectsOf(source)) {
      if (there.has(name) || (kind === 'index' && !there.has(table))) continue
      target.exec(sql.replace(/^CREATE UNIQUE INDEX/, 'CREATE INDEX'))
    }
  } finally {
    source.close()
    target.close()
  }
}

interface SchemaObject {
  readonly name: string
  readonly table: string
  readonly kind: string
  readonly sql: string
}

function objectsOf(database: Libsql.Database): SchemaObject[] {
  const rows = database
    .prepare(
      `SELECT name, tbl_name, type, sql FROM sqlite_schema WHERE type IN ('index', 'view') AND sql IS NOT NULL ORDER BY rowid`,
    )
    .raw(true)
    .all() as string[][]
  return rows
    .map(([name, table, kind, sql]) => ({ name, table, kind, sql }) as SchemaObject)
    .filter(({ table }) => !table.startsWith('_millrace_'))
}

function namesIn(database: Libsql.Database): string[] {
  const rows = database.prepare('SELECT name FROM sqlite_schema').raw(true).all() as string[][]
  return rows.map(([name]) => String(name))
}
