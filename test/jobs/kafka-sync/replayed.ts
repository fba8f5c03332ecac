// What a table is after all changes of it in lines as jobs/kafka-sync.ts writes them. Strict: a change told twice, left out or out of
// order does not fit what is there.

import { parseExactJson } from '../../../src/codec/exact-json.ts'

interface Line {
  readonly op: string
  readonly table: string
  readonly key: unknown[]
  readonly oldKey?: unknown[]
  readonly before: unknown[] | null
  readonly after: unknown[] | null
  readonly columns?: readonly { readonly name: string }[]
}

/**
 * The values of a column, sorted as text. A row is as the columns told before it say, wherever later ones have the column. Throws for a
 * change that does not fit.
 */
export function replayed(lines: readonly string[], table: string, column: string): string[] {
  const values = new Map<string, string>()
  let at = -1
  for (const text of lines) {
    const line = parseExactJson(text) as Line
    if (line.table !== table) continue
    if (line.columns !== undefined) at = line.columns.findIndex(({ name }) => name === column)
    else apply(values, at, line, text)
  }
  return [...values.values()].sort()
}

function apply(values: Map<string, string>, at: number, { op, key, oldKey, before, after }: Line, text: string): void {
  if (op === 't') return values.clear()
  const [was, is] = [keyText(oldKey ?? key), keyText(key)]
  const fits = (condition: boolean): void => {
    const there = `${values.get(was)} and ${values.get(is)} in column ${at}`
    if (!condition) throw new Error(`does not fit what is there, ${there}: ${text}`)
  }
  fits(values.get(was) === (before === null ? undefined : String(before[at])))
  values.delete(was)
  fits(!values.has(is))
  if (after !== null) values.set(is, String(after[at]))
}

const keyText = (key: unknown[]): string => key.map((value) => `${typeof value} ${String(value)}`).join('\n')
