// How tables with a key are split into chunks: evenly where whole numbers lie dense enough, else by counting rows along the key.

import type { KeyRange, TableSplit } from '../cdc/index.ts'
import { isMissingTable } from './catalogue.ts'
import type { MysqlTable } from './column.ts'
import type { MysqlConnection } from './connection.ts'
import { boundExpressions, fromRange, keyColumns, type MysqlBound, toBound } from './key-bound.ts'

/** Chunks found by one call: evenly, and where each costs a query. */
const CHUNKS_PER_SPLIT = 64
const COUNTED_PER_SPLIT = 8

/** Keys there could be for each row that there is: beyond this, even chunks would be mostly empty. */
const SPARSENESS_MAX = 1000

const WHOLE: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint'])

/** Where to go on: the next even chunk is from `from` to `to`, the ones behind it are `step` keys long up to `last`; a counted one begins at `from`. */
type Resume =
  | { readonly from: string | null; readonly to: string; readonly step: string; readonly last: string }
  | { readonly from: MysqlBound | null }

/** The next chunks of a table with a key, of about chunkSize rows each; of one that was dropped just now, all that is left is one. */
export async function splitTable(
  connection: MysqlConnection,
  table: MysqlTable,
  chunkSize: number,
  resume: NonNullable<unknown> | undefined,
): Promise<TableSplit> {
  try {
    const plan = (resume as Resume | undefined) ?? (await planSplit(connection, table, chunkSize))
    return 'step' in plan ? splitEvenly(plan) : await splitByCount(connection, table, chunkSize, plan.from)
  } catch (error) {
    if (!isMissingTable(error)) throw error
    const from = (resume as { readonly from: MysqlBound | null } | undefined)?.from ?? null
    return { ranges: [{ from, to: null }], resume: undefined }
  }
}

async function planSplit(connection: MysqlConnection, table: MysqlTable, chunkSize: number): Promise<Resume> {
  const columns = keyColumns(table)
  const [column] = columns
  if (columns.length !== 1 || column === undefined || !WHOLE.has(column.kind)) return { from: null }
  const order = fromRange(table, null, null)
  const [expression] = boundExpressions(columns)
  const [least, most, estimate] =
    (await connection.first(
      `SELECT (SELECT ${expression} ${order} LIMIT 1), (SELECT ${expression} ${order} DESC LIMIT 1),
       (SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?)`,
      [table.database, table.name],
    )) ?? []
  if (typeof least !== 'string' || typeof most !== 'string') return { from: null }
  const keys = BigInt(most) - BigInt(least) + 1n
  const sparseness = Number(keys) / Math.max(1, Number(estimate ?? 0))
  if (sparseness > SPARSENESS_MAX) return { from: null }
  const step = BigInt(Math.ceil(chunkSize * Math.max(1, sparseness)))
  return { from: null, to: String(BigInt(least) + step), step: String(step), last: most }
}

/** The first chunk has no lower end and the last one no upper: keys may come from outside of what was there. */
function splitEvenly(plan: Extract<Resume, { step: string }>): TableSplit {
  const { step, last } = plan
  const ranges: KeyRange[] = []
  let from = plan.from === null ? null : BigInt(plan.from)
  let to = BigInt(plan.to)
  for (; to <= BigInt(last) && ranges.length < CHUNKS_PER_SPLIT; to += BigInt(step)) {
    ranges.push({ from: wholeBound(from), to: wholeBound(to) })
    from = to
  }
  if (to <= BigInt(last)) return { ranges, resume: { from: String(from), to: String(to), step, last } satisfies Resume }
  return { ranges: [...ranges, { from: wholeBound(from), to: null }], resume: undefined }
}

function wholeBound(key: bigint | null): MysqlBound | null {
  return key === null ? null : [`n${key}`]
}

async function splitByCount(
  connection: MysqlConnection,
  table: MysqlTable,
  chunkSize: number,
  start: MysqlBound | null,
): Promise<TableSplit> {
  const ranges: KeyRange[] = []
  let from = start
  while (ranges.length < COUNTED_PER_SPLIT) {
    const to = await keyAfter(connection, table, { from, to: null }, chunkSize)
    ranges.push({ from, to })
    if (to === null) return { ranges, resume: undefined }
    from = to
  }
  return { ranges, resume: { from } satisfies Resume }
}

/** The key `rows` rows behind the beginning of a range, or null if there are no more than so many. */
export async function keyAfter(
  connection: MysqlConnection,
  table: MysqlTable,
  range: { readonly from: MysqlBound | null; readonly to: MysqlBound | null },
  rows: number,
): Promise<MysqlBound | null> {
  const columns = keyColumns(table)
  const expressions = boundExpressions(columns).join(', ')
  const row = await connection.first(
    `SELECT ${expressions} ${fromRange(table, range.from, range.to)} LIMIT 1 OFFSET ${rows}`,
  )
  return row === undefined ? null : toBound(columns, row)
}
