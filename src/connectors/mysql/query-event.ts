// Statements in the log: BEGIN, COMMIT and their kin, changes of tables, and rows changed by a statement.

import { inflateSync } from 'node:zlib'
import type { Charsets } from './log/charsets.ts'
import { EventType, type LogEvent } from './log/event.ts'
import type { SqlMode } from './sql-tokens.ts'

/** A statement and the session it ran in. */
export interface LoggedQuery {
  readonly sql: string
  readonly database: string
  readonly mode: SqlMode
}

/** Behind the header: thread 4, seconds 4, length of the database 1, error 2, length of the variables 2. */
const QUERY_HEAD = 13
/** LOAD DATA has its file's number, two places in the statement and what to do with duplicates in front of the variables. */
const LOAD_HEAD = QUERY_HEAD + 13

/** The bytes of a statement: where they begin in the body. */
function sqlFrom(event: LogEvent): number {
  const { body, type } = event
  const head = type === EventType.executeLoadQuery ? LOAD_HEAD : QUERY_HEAD
  return head + body.readUInt16LE(11) + (body[8] as number) + 1
}

const BEGIN = Buffer.from('BEGIN')
const COMMIT = Buffer.from('COMMIT')

/** Cheap, for it is asked for each transaction: whether the statement is BEGIN. */
export function isBegin(event: LogEvent): boolean {
  return isExactly(event, BEGIN)
}

/** Whether the statement is COMMIT. */
export function isCommit(event: LogEvent): boolean {
  return isExactly(event, COMMIT)
}

function isExactly(event: LogEvent, sql: Buffer): boolean {
  const from = sqlFrom(event)
  return (
    event.type === EventType.query &&
    event.body.length === from + sql.length &&
    event.body.compare(sql, 0, sql.length, from) === 0
  )
}

const ANSI_QUOTES = 0x4
const NO_BACKSLASH_ESCAPES = 0x100000

/** Reads a statement. The text is in the client's character set. */
export function readQuery(event: LogEvent, charsets: Charsets): LoggedQuery {
  const { body, type } = event
  const head = type === EventType.executeLoadQuery ? LOAD_HEAD : QUERY_HEAD
  const behind = head + body.readUInt16LE(11)
  const { sqlMode, collation } = readVariables(body, head, behind)
  const from = behind + (body[8] as number) + 1
  const bytes = type === EventType.queryCompressed ? inflated(body, from) : body.subarray(from)
  const charset = collation === undefined ? undefined : charsets.collation(collation)?.charset
  const decode = charsets.decoder(charset === undefined || charset === 'binary' ? 'utf8mb4' : charset)
  return {
    sql: decode(bytes, 0, bytes.length),
    database: body.toString('utf8', behind, from - 1),
    mode: { ansiQuotes: (sqlMode & ANSI_QUOTES) !== 0, plainBackslashes: (sqlMode & NO_BACKSLASH_ESCAPES) !== 0 },
  }
}

/** The session's variables come in this order; those behind the character set are of no interest. */
const Variable = { flags: 0, sqlMode: 1, autoIncrement: 3, charset: 4, catalog: 6 } as const

function readVariables(body: Buffer, from: number, behind: number): { sqlMode: number; collation: number | undefined } {
  let sqlMode = 0
  let at = from
  while (at < behind) {
    const variable = body[at] as number
    at += 1
    if (variable === Variable.flags || variable === Variable.autoIncrement) at += 4
    else if (variable === Variable.catalog) at += (body[at] as number) + 1
    else if (variable === Variable.sqlMode) {
      sqlMode = body.readUInt32LE(at)
      at += 8
    } else if (variable === Variable.charset) return { sqlMode, collation: body.readUInt16LE(at) }
    else break
  }
  return { sqlMode, collation: undefined }
}

/** MariaDB's log_bin_compress: a byte that tells how many bytes the length has, the length, and a zlib stream. */
function inflated(body: Buffer, from: number): Buffer {
  return inflateSync(body.subarray(from + 1 + ((body[from] as number) & 7)))
}
