// Origins: where a transaction came from, as sinks write it into the log and sources read it there.
//
// A sink with an origin writes a row of the table millrace_origin_NAME, in any database, within each of its transactions; what it empties by a
// statement carries that name as a comment. So whose transaction it is stands in every log, without decoding a row.

import { quoteName } from './connection.ts'

const PREFIX = 'millrace_origin_'

/** What an origin may be called: with the prefix it is the name of a table. */
export const ORIGIN = /^[a-z0-9][a-z0-9._-]{0,47}$/
/** For messages. */
export const ORIGIN_EXPECTED = 'expected at most 48 lower-case letters, digits and . _ -, a letter or digit first'
const IN_STATEMENT = /\/\* millrace_origin_([a-z0-9._-]+) \*\/$/
/** Rows of the table: one for each of the connections that write at once, else they would wait for each other. */
const SLOTS = 1024

/** The origin that rows of a table tell of, by the table's name. */
export function originOfTable(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined
}

/** The origin that a statement carries. */
export function originOfStatement(sql: string): string | undefined {
  return IN_STATEMENT.exec(sql)?.[1]
}

/** Empties a table, under the origin where there is one. */
export function truncateSql(table: string, origin: string | undefined): string {
  return `TRUNCATE TABLE ${table}${origin === undefined ? '' : ` /* ${PREFIX}${origin} */`}`
}

/** The table in this database whose rows tell of the origin. */
export function originTable(database: string, origin: string): string {
  return `${quoteName(database)}.${quoteName(PREFIX + origin)}`
}

/** Marks the transaction under way. */
export function markSql(table: string): string {
  return `INSERT INTO ${table} VALUES (CONNECTION_ID() % ${SLOTS}, 1) ON DUPLICATE KEY UPDATE marks = marks + 1`
}
