// The clause that declares a column in ADD COLUMN, as a session with backslash escapes reads it: existing rows get its default, which no
// row in the log shows.

import type { SqlMode, SqlToken, SqlTokens } from './sql-tokens.ts'

/** A column's name, and how it is declared. */
export type ColumnClause = readonly [name: string, clause: string]

/** What follows ADD where no column does. */
const NO_COLUMN =
  /^(INDEX|KEY|UNIQUE|PRIMARY|FULLTEXT|SPATIAL|VECTOR|CONSTRAINT|FOREIGN|CHECK|PARTITION|PERIOD|SYSTEM)$/i

/** What says nothing of the column's values, and all that follows it. */
const END = /^(FIRST|AFTER|REFERENCES|CHECK|CONSTRAINT)$/i
const LEFT_OUT = /^(UNIQUE|PRIMARY|KEY|AUTO_INCREMENT)$/i

/** Behind ADD: the columns that are added, none if it adds something else. */
export function readAddedColumns(tokens: SqlTokens, mode: SqlMode): readonly ColumnClause[] {
  const isColumn = tokens.take('COLUMN')
  tokens.take('IF', 'NOT', 'EXISTS')
  const first = tokens.peek()
  if (!isColumn && first?.kind === 'word' && NO_COLUMN.test(first.text)) return []
  if (!tokens.takeMark('(')) return columnAt(tokens, mode)
  const columns: ColumnClause[] = []
  do columns.push(...columnAt(tokens, mode))
  while (tokens.takeMark(','))
  tokens.takeMark(')')
  return columns
}

function columnAt(tokens: SqlTokens, mode: SqlMode): readonly ColumnClause[] {
  const name = tokens.next()
  if (name === undefined) return []
  let clause = ''
  let last: SqlToken | undefined
  let isOver = false
  for (let depth = 0; ; tokens.next()) {
    const token = tokens.peek()
    if (token === undefined || (depth === 0 && token.kind === 'mark' && /^[,)]$/.test(token.text))) break
    if (token.kind === 'mark') depth += token.text === '(' ? 1 : token.text === ')' ? -1 : 0
    isOver ||= depth === 0 && token.kind === 'word' && END.test(token.text)
    if (isOver || (depth === 0 && token.kind === 'word' && LEFT_OUT.test(token.text))) continue
    clause += spaceBetween(last, token) + textOf(token, mode)
    last = token
  }
  return [[name.text, clause]]
}

/** None within numbers such as 1.5 and literals such as x'41'. */
function spaceBetween(last: SqlToken | undefined, token: SqlToken): string {
  if (last === undefined || last.kind === 'mark' || token.kind === 'mark') return ''
  return last.kind === 'word' && token.kind === 'string' && /^[xbn]$/i.test(last.text) ? '' : ' '
}

function textOf({ kind, text }: SqlToken, mode: SqlMode): string {
  if (kind === 'name') return `\`${text.replaceAll('`', '``')}\``
  if (kind !== 'string') return text
  const value = mode.plainBackslashes ? text : unescaped(text)
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

const ESCAPES: Readonly<Record<string, string>> = { 0: '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\u001a' }

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter)
}
