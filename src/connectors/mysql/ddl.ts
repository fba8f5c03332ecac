// What a statement in the log does to tables: enough to follow them. Not a parser: it knows where names stand, and nothing of the rest.

import { readAddedColumns } from './column-clause.ts'
import type { ColumnStep } from './offset.ts'
import type { SqlMode, SqlToken } from './sql-tokens.ts'
import { SqlTokens } from './sql-tokens.ts'

/** A table as a statement names it; its database is the session's where the statement names none. */
export interface TableName {
  readonly database: string
  readonly name: string
}

/** What a statement does, in the words of the log's reader. */
export type Statement =
  /** `anew`: CREATE OR REPLACE, so what was in it is gone. */
  | { readonly kind: 'create'; readonly table: TableName; readonly anew: boolean }
  | AlterStatement
  | { readonly kind: 'rename'; readonly pairs: readonly TablePair[] }
  | { readonly kind: 'truncate'; readonly tables: readonly TableName[] }
  | { readonly kind: 'drop'; readonly tables: readonly TableName[] }
  | { readonly kind: 'dropDatabase'; readonly database: string }
  /** Rows changed by a statement that was logged instead of them; tables that it may change, undefined where it does not name them. */
  | { readonly kind: 'write'; readonly verb: string; readonly tables: readonly TableName[] | undefined }
  /** Nothing of this. */
  | { readonly kind: 'other' }

/** ALTER TABLE. */
export interface AlterStatement {
  readonly kind: 'alter'
  readonly table: TableName
  /** Columns' names before and after; '' before, and the clause that declares it, where a column is added; '' after where one is dropped. */
  readonly columns: readonly ColumnStep[]
  readonly renamedTo: TableName | undefined
  /** It changes rows that the log then does not have, as DROP PARTITION does. */
  readonly unlogged: boolean
}

/** A table's name before and after. */
export interface TablePair {
  readonly from: TableName
  readonly to: TableName
}

/** Reads a statement of a session whose database was `database`. */
export function readStatement(sql: string, database: string, mode: SqlMode): Statement {
  const tokens = new SqlTokens(sql, mode)
  // MariaDB: SET STATEMENT variable = value FOR ALTER TABLE …
  if (tokens.take('SET', 'STATEMENT')) skipTo(tokens, 'FOR')
  const verb = tokens.next()
  if (verb?.kind !== 'word') return OTHER
  const read = READERS[verb.text.toUpperCase()]
  return read === undefined ? OTHER : read(tokens, database, verb.text.toUpperCase(), mode)
}

const OTHER: Statement = { kind: 'other' }

type Read = (tokens: SqlTokens, database: string, verb: string, mode: SqlMode) => Statement

const READERS: Readonly<Record<string, Read>> = {
  CREATE: readCreate,
  ALTER: readAlter,
  DROP: readDrop,
  TRUNCATE: (tokens, database) => {
    tokens.take('TABLE')
    const table = readTable(tokens, database)
    return table === undefined ? OTHER : { kind: 'truncate', tables: [table] }
  },
  RENAME: readRename,
  INSERT: readInsert,
  REPLACE: readInsert,
  UPDATE: (tokens, database, verb) => ({ kind: 'write', verb, tables: namesUpTo(tokens, database, 'SET') }),
  DELETE: (tokens, database, verb) => ({ kind: 'write', verb, tables: namesUpTo(tokens, database, 'WHERE') }),
  LOAD: (tokens, database, verb) => {
    skipTo(tokens, 'INTO')
    tokens.take('TABLE')
    return written(verb, readTable(tokens, database))
  },
  // What these write stands in functions and procedures.
  SELECT: (_tokens, _database, verb) => written(verb, undefined),
  WITH: (_tokens, _database, verb) => written(verb, undefined),
  DO: (_tokens, _database, verb) => written(verb, undefined),
  CALL: (_tokens, _database, verb) => written(verb, undefined),
}

function written(verb: string, table: TableName | undefined): Statement {
  return { kind: 'write', verb, tables: table === undefined ? undefined : [table] }
}

function readCreate(tokens: SqlTokens, database: string): Statement {
  const anew = tokens.take('OR', 'REPLACE')
  if (!tokens.take('TABLE')) return OTHER
  tokens.take('IF', 'NOT', 'EXISTS')
  const table = readTable(tokens, database)
  return table === undefined ? OTHER : { kind: 'create', table, anew }
}

function readDrop(tokens: SqlTokens, database: string): Statement {
  if (tokens.take('DATABASE') || tokens.take('SCHEMA')) {
    tokens.take('IF', 'EXISTS')
    return { kind: 'dropDatabase', database: tokens.next()?.text ?? '' }
  }
  if (!tokens.take('TABLE') && !tokens.take('TABLES')) return OTHER
  tokens.take('IF', 'EXISTS')
  const tables: TableName[] = []
  do {
    const table = readTable(tokens, database)
    if (table !== undefined) tables.push(table)
  } while (tokens.takeMark(','))
  return { kind: 'drop', tables }
}

function readRename(tokens: SqlTokens, database: string): Statement {
  if (!tokens.take('TABLE') && !tokens.take('TABLES')) return OTHER
  tokens.take('IF', 'EXISTS')
  const pairs: TablePair[] = []
  do {
    const from = readTable(tokens, database)
    skipTo(tokens, 'TO')
    const to = readTable(tokens, database)
    if (from !== undefined && to !== undefined) pairs.push({ from, to })
  } while (tokens.takeMark(','))
  return { kind: 'rename', pairs }
}

function readInsert(tokens: SqlTokens, database: string, verb: string): Statement {
  while (['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO'].some((word) => tokens.take(word)));
  return written(verb, readTable(tokens, database))
}

/** Clauses of ALTER TABLE behind which rows differ that are not in the log. */
const UNLOGGED: readonly (readonly string[])[] = [
  ['DROP', 'PARTITION'],
  ['TRUNCATE', 'PARTITION'],
  ['EXCHANGE', 'PARTITION'],
  ['CONVERT', 'PARTITION'],
  ['CONVERT', 'TABLE'],
  ['DISCARD', 'TABLESPACE'],
  ['DISCARD', 'PARTITION'],
  ['IMPORT', 'TABLESPACE'],
  ['IMPORT', 'PARTITION'],
]

function readAlter(tokens: SqlTokens, database: string, _verb: string, mode: SqlMode): Statement {
  while (tokens.take('ONLINE') || tokens.take('OFFLINE') || tokens.take('IGNORE'));
  if (!tokens.take('TABLE')) return OTHER
  tokens.take('IF', 'EXISTS')
  const table = readTable(tokens, database)
  if (table === undefined) return OTHER
  if (tokens.take('WAIT')) tokens.next()
  tokens.take('NOWAIT')
  const columns: ColumnStep[] = []
  const dropped: ColumnStep[] = []
  let renamedTo: TableName | undefined
  let unlogged = false
  do {
    if (UNLOGGED.some((words) => tokens.take(...words))) unlogged = true
    else if (tokens.take('ADD'))
      for (const [name, clause] of readAddedColumns(tokens, mode)) columns.push(['', name, clause])
    else if (tokens.take('DROP')) readDropClause(tokens, dropped)
    else if (tokens.take('CHANGE')) readChange(tokens, columns)
    else if (tokens.take('RENAME')) renamedTo = readRenameClause(tokens, database, columns) ?? renamedTo
    skipClause(tokens)
  } while (tokens.takeMark(','))
  // Whatever the order of its clauses, a statement drops what had the name before it.
  return { kind: 'alter', table, columns: [...dropped, ...columns], renamedTo, unlogged }
}

/** What follows DROP where no column does. */
const NO_COLUMN: readonly (readonly string[])[] = [
  ['INDEX'],
  ['KEY'],
  ['PRIMARY'],
  ['FOREIGN'],
  ['CONSTRAINT'],
  ['CHECK'],
  ['SYSTEM', 'VERSIONING'],
  ['PERIOD', 'FOR'],
]

function readDropClause(tokens: SqlTokens, dropped: ColumnStep[]): void {
  if (!tokens.take('COLUMN') && NO_COLUMN.some((words) => tokens.take(...words))) return
  tokens.take('IF', 'EXISTS')
  const column = tokens.next()
  if (column !== undefined) dropped.push([column.text, ''])
}

function readChange(tokens: SqlTokens, columns: ColumnStep[]): void {
  tokens.take('COLUMN')
  tokens.take('IF', 'EXISTS')
  addRename(columns, tokens.next(), tokens.next())
}

/** RENAME COLUMN, RENAME INDEX, or the table's new name. */
function readRenameClause(tokens: SqlTokens, database: string, columns: ColumnStep[]): TableName | undefined {
  if (tokens.take('INDEX') || tokens.take('KEY')) return undefined
  if (tokens.take('COLUMN')) {
    tokens.take('IF', 'EXISTS')
    const from = tokens.next()
    tokens.take('TO')
    addRename(columns, from, tokens.next())
    return undefined
  }
  if (!tokens.take('TO') && !tokens.take('AS')) tokens.takeMark('=')
  return readTable(tokens, database)
}

function addRename(columns: ColumnStep[], from: SqlToken | undefined, to: SqlToken | undefined): void {
  if (from !== undefined && to !== undefined && from.text !== to.text) columns.push([from.text, to.text])
}

/** Up to the comma behind the clause, over those in parentheses. */
function skipClause(tokens: SqlTokens): void {
  for (let depth = 0; ; tokens.next()) {
    const token = tokens.peek()
    if (token === undefined) return
    if (token.kind !== 'mark') continue
    if (token.text === ',' && depth === 0) return
    if (token.text === '(') depth += 1
    if (token.text === ')') depth -= 1
  }
}

function readTable(tokens: SqlTokens, database: string): TableName | undefined {
  const first = tokens.next()
  if (first === undefined || first.kind === 'mark') return undefined
  if (!tokens.takeMark('.')) return { database, name: first.text }
  const second = tokens.next()
  return second === undefined ? undefined : { database: first.text, name: second.text }
}

/** All that may be tables before the word: aliases and columns too, which does no harm unless they have a table's name. */
function namesUpTo(tokens: SqlTokens, database: string, end: string): TableName[] {
  const tables: TableName[] = []
  for (let token = tokens.peek(); token !== undefined; token = tokens.peek()) {
    if (token.kind === 'word' && token.text.toUpperCase() === end) break
    if (token.kind === 'mark' || token.kind === 'string') tokens.next()
    else {
      const table = readTable(tokens, database)
      if (table !== undefined) tables.push(table)
    }
  }
  return tables
}

function skipTo(tokens: SqlTokens, word: string): void {
  for (let token = tokens.next(); token !== undefined; token = tokens.next())
    if (token.kind === 'word' && token.text.toUpperCase() === word) return
}
