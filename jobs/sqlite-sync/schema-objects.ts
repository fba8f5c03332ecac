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
 * Makes the source's indexes and views in the target, as far as the tables and columns are there that they name; the others wait
 * for the next time. UNIQUE is left out: while changes are on their way, rows may stand beside older ones.
 */
export function copyIndexesAndViews(from: string, to: string): void {
  if (!existsSync(to)) return
  const source = new Libsql(from, WAIT)
  const target = new Libsql(to, WAIT)
  try {
    const there = new Map(definitionsIn(target))
    const isMissing = ({ name, table, kind, sql }: SchemaObject): boolean =>
      kind === 'view' ? there.get(name) !== sql : !there.has(name) && there.has(table)
    let missing = objectsOf(source).filter(isMissing)
    // One that was altered would stand in the way of changes to the tables that it names.
    for (const { name, kind } of missing) if (kind === 'view') target.exec(`DROP VIEW IF EXISTS ${quoted(name)}`)
    // Views may name views that come later in the list.
    for (let before = Number.POSITIVE_INFINITY; missing.length < before; ) {
      before = missing.length
      missing = missing.filter((object) => !make(target, object))
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

/** False if something that it names is not there yet. */
function make(target: Libsql.Database, { name, kind, sql }: SchemaObject): boolean {
  target.exec('BEGIN IMMEDIATE')
  try {
    target.exec(sql.replace(/^CREATE UNIQUE INDEX/, 'CREATE INDEX'))
    if (kind === 'view') checkView(target, name)
    target.exec('COMMIT')
    return true
  } catch (error) {
    if (target.inTransaction) target.exec('ROLLBACK')
    if (/no such/.test(String(error))) return false
    throw error
  }
}

/** SQLite makes any view; one that names a column that is not there would later make every ALTER TABLE fail. */
function checkView(target: Libsql.Database, name: string): void {
  try {
    target.prepare(`SELECT * FROM ${quoted(name)}`)
  } catch (error) {
    // Functions may be those of the programs that read the view.
    if (/no such (column|table)/.test(String(error))) throw error
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
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

function definitionsIn(database: Libsql.Database): [string, string][] {
  return database.prepare(`SELECT name, sql FROM sqlite_schema WHERE type <> 'trigger'`).raw(true).all() as [
    string,
    string,
  ][]
}
