// The triggers that keep the change log of one table, as SQL. They run inside every program that writes to the table, so they
// use only what SQLite has had for many years.
//
// T1. A change and its log entry are one transaction, and a statement that fails takes its entries back.
// T2. INSERT OR REPLACE and UPDATE OR REPLACE delete rows without telling delete triggers (unless recursive_triggers is on).
//     A BEFORE trigger puts the rows in conflict aside; the AFTER trigger logs a delete for those that are gone. A delete
//     trigger that did fire takes its row from there, so that it is logged once.
// T3. IGNORE leaves rows put aside and fires no AFTER trigger; the next BEFORE trigger clears them.

import { quoteName } from './quote.ts'
import {
  type ColumnDefinition,
  collated,
  OWN_PREFIX,
  type TableDefinition,
  type UniqueIndex,
} from './table-definition.ts'

/** What is captured of a table: its columns at one time. */
export interface CaptureLayout {
  readonly id: number
  readonly table: TableDefinition
  /** The row id is logged before the columns. */
  readonly logsRowid: boolean
}

/** Every change of every captured table has one entry here, numbered in the order of commits. */
export const LOG_TABLE = `${OWN_PREFIX}log`

/** What the numbers in the log's column `capture` mean. */
export const CAPTURES_TABLE = `${OWN_PREFIX}captures`

export function dataTable(id: number): string {
  return `${OWN_PREFIX}log_${id}`
}

function stashTable(id: number): string {
  return `${OWN_PREFIX}stash_${id}`
}

/** Prefix of the capture's triggers. */
export function triggerPrefix(id: number): string {
  return `${OWN_PREFIX}${id}_`
}

/** Milliseconds since the epoch, in the SQL of any SQLite. */
export const NOW_MS = `CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER)`

/** What is logged of each row, in order: the row id where some job may tell rows apart by it, then the columns. */
function logged(layout: CaptureLayout): string[] {
  const columns = layout.table.columns.map((column) => quoteName(column.name))
  return layout.logsRowid ? [quoteName(layout.table.rowid as string), ...columns] : columns
}

/** What tells rows apart while a statement runs. */
function identity({ table }: CaptureLayout): readonly { readonly sql: string; readonly collation: string }[] {
  if (table.rowid !== undefined) return [{ sql: quoteName(table.rowid), collation: 'BINARY' }]
  return table.primaryKey.map(({ name, collation }) => ({ sql: quoteName(name), collation }))
}

const side = (prefix: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`).join(', ')

/** Columns without a type keep every storage class as it is. */
export function createCaptureSql(layout: CaptureLayout): string[] {
  const { id } = layout
  const width = logged(layout).length
  const keys = side('k', identity(layout).length)
  return [
    `CREATE TABLE ${quoteName(dataTable(id))} (seq INTEGER PRIMARY KEY, ${side('b', width)}, ${side('a', width)})`,
    `CREATE TABLE ${quoteName(stashTable(id))} (${keys}, ${side('b', width)}, replaced)`,
    ...createTriggersSql(layout),
  ]
}

/** The triggers alone, to be made last: SQLite fires the trigger made last first. */
export function createTriggersSql(layout: CaptureLayout): string[] {
  const { id, table } = layout
  const on = (suffix: string, event: string, target: string, body: readonly string[]): string =>
    `CREATE TRIGGER ${quoteName(triggerPrefix(id) + suffix)} ${event} ON ${quoteName(target)} FOR EACH ROW BEGIN\n  ${body.join(';\n  ')};\nEND`
  const stash = stashTable(id)
  return [
    on(
      'stash',
      'AFTER UPDATE',
      stash,
      logRow(layout, 'd', `SELECT last_insert_rowid(), ${stashed(layout, 'OLD.')}`, 'b'),
    ),
    on('before_insert', 'BEFORE INSERT', table.name, putAside(layout, '')),
    on('before_update', 'BEFORE UPDATE', table.name, putAside(layout, ` AND NOT (${sameRow(layout, '', 'OLD.')})`)),
    on('after_insert', 'AFTER INSERT', table.name, [
      ...logReplaced(layout, ''),
      ...logRow(layout, 'c', values(layout, ['NEW.']), 'a'),
    ]),
    on('after_update', 'AFTER UPDATE', table.name, [
      ...logReplaced(layout, ` AND (${uniqueChanged(layout)})`),
      ...logRow(layout, 'u', values(layout, ['OLD.', 'NEW.']), 'b', 'a'),
    ]),
    on('after_delete', 'AFTER DELETE', table.name, [
      `DELETE FROM ${quoteName(stash)} WHERE ${stashIs(layout, 'OLD.')}`,
      ...logRow(layout, 'd', values(layout, ['OLD.']), 'b'),
    ]),
  ]
}

export function dropTableSql(id: number): string[] {
  return [`DROP TABLE IF EXISTS ${quoteName(stashTable(id))}`, `DROP TABLE IF EXISTS ${quoteName(dataTable(id))}`]
}

/**
 * Logs every row of the table as created; with `added`, logs an update for each row that may have something in one of these
 * new columns. For a capture whose tables are new and empty.
 */
export function logRowsSql(layout: CaptureLayout, added: readonly ColumnDefinition[] | undefined): string[] {
  const { id } = layout
  const table = quoteName(layout.table.name)
  const [stash, log, data] = [stashTable(id), LOG_TABLE, dataTable(id)].map(quoteName)
  const keys = identity(layout)
  const columns = logged(layout)
  const isAdded = (column: string): boolean => added?.some(({ name }) => quoteName(name) === column) === true
  const before = columns.map((column) => (isAdded(column) ? 'NULL' : column))
  // Where a default is, a target made with it has filled it in: there NULL has to be told too.
  const everyRow = added === undefined || added.some(({ hasDefault }) => hasDefault)
  const where = everyRow ? '' : ` WHERE ${added.map(({ name }) => `${quoteName(name)} IS NOT NULL`).join(' OR ')}`
  const base = `(SELECT coalesce(max(seq), 0) FROM ${log})`
  const beside = added === undefined ? ['', ''] : [`${side('b', columns.length)}, `, `${side('s.b', columns.length)}, `]
  const same = keys.map(({ sql, collation }, i) => `t.${sql} COLLATE ${quoteName(collation)} = s.k${i}`).join(' AND ')
  return [
    `DELETE FROM ${stash}`,
    `INSERT INTO ${stash} (${side('k', keys.length)}, ${side('b', columns.length)})
       SELECT ${[...keys.map(({ sql }) => sql), ...before].join(', ')} FROM ${table}${where}`,
    `INSERT INTO ${data} (seq, ${beside[0]}${side('a', columns.length)})
       SELECT ${base} + s.rowid, ${beside[1]}${columns.map((column) => `t.${column}`).join(', ')} FROM ${stash} s JOIN ${table} t ON ${same}`,
    `INSERT INTO ${log} (seq, capture, op, at) SELECT ${base} + rowid, ${id}, '${added === undefined ? 'c' : 'u'}', ${NOW_MS} FROM ${stash}`,
    `DELETE FROM ${stash}`,
  ]
}

/** Two statements: the entry, then the row under the entry's number. `source` gives the number and the values. */
function logRow(layout: CaptureLayout, op: string, source: string, ...sides: string[]): string[] {
  const { id } = layout
  const width = logged(layout).length
  const columns = sides.map((prefix) => side(prefix, width)).join(', ')
  return [
    `INSERT INTO ${quoteName(LOG_TABLE)} (capture, op, at) VALUES (${id}, '${op}', ${NOW_MS})`,
    `INSERT INTO ${quoteName(dataTable(id))} (seq, ${columns}) ${source}`,
  ]
}

function values(layout: CaptureLayout, prefixes: readonly string[]): string {
  const list = prefixes.flatMap((prefix) => logged(layout).map((column) => `${prefix}${column}`))
  return `SELECT last_insert_rowid(), ${list.join(', ')}`
}

function stashed(layout: CaptureLayout, prefix: string): string {
  return side(`${prefix}b`, logged(layout).length)
}

/** Puts aside the rows that NEW conflicts with. */
function putAside(layout: CaptureLayout, except: string): string[] {
  const { id, table } = layout
  const stash = quoteName(stashTable(id))
  const keys = identity(layout)
  const columns = [...keys.map(({ sql }) => sql), ...logged(layout)].join(', ')
  const into = `${side('k', keys.length)}, ${stashed(layout, '')}`
  return [
    `DELETE FROM ${stash}`,
    `INSERT INTO ${stash} (${into}) SELECT ${columns} FROM ${quoteName(table.name)} WHERE (${conflicts(layout)})${except}`,
  ]
}

function conflicts(layout: CaptureLayout): string {
  const tests = seenIndexes(layout.table).map((index) =>
    index.columns.map((column) => `${collated(column)} = NEW.${quoteName(column.name)}`).join(' AND '),
  )
  if (layout.table.rowid !== undefined) tests.push(sameRow(layout, '', 'NEW.'))
  return tests.map((test) => `(${test})`).join(' OR ')
}

/** Unique indexes whose conflicts can be told by columns. (A partial one puts too much aside, which does no harm.) */
function seenIndexes(table: TableDefinition): readonly UniqueIndex[] {
  return table.uniqueIndexes.filter((index) => index.columns.length > 0)
}

function sameRow(layout: CaptureLayout, left: string, right: string): string {
  return identity(layout)
    .map(({ sql, collation }) => `${left}${sql} COLLATE ${quoteName(collation)} = ${right}${sql}`)
    .join(' AND ')
}

function stashIs(layout: CaptureLayout, prefix: string): string {
  return identity(layout)
    .map(({ sql, collation }, i) => `k${i} COLLATE ${quoteName(collation)} = ${prefix}${sql}`)
    .join(' AND ')
}

/** Marks the rows put aside that are gone; the stash's own trigger logs each. */
function logReplaced(layout: CaptureLayout, condition: string): string[] {
  const { id, table } = layout
  const stash = quoteName(stashTable(id))
  const still = identity(layout)
    .map(({ sql, collation }, i) => `t.${sql} COLLATE ${quoteName(collation)} = ${stash}.k${i}`)
    .join(' AND ')
  const gone = `(${stashIs(layout, 'NEW.')}) OR NOT EXISTS (SELECT 1 FROM ${quoteName(table.name)} t WHERE ${still})`
  return [`UPDATE ${stash} SET replaced = 1 WHERE replaced IS NULL AND (${gone})${condition}`]
}

/** Whether an update touched anything that could bring it into conflict. */
function uniqueChanged(layout: CaptureLayout): string {
  const names = new Set(
    seenIndexes(layout.table).flatMap((index) => index.columns.map((column) => quoteName(column.name))),
  )
  if (layout.table.rowid !== undefined) names.add(quoteName(layout.table.rowid))
  for (const column of layout.table.primaryKey) names.add(quoteName(column.name))
  return [...names].map((name) => `OLD.${name} COLLATE BINARY IS NOT NEW.${name}`).join(' OR ')
}
