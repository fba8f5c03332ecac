// Reading one part of a chunk exactly: the rows as they were when the log stood at one offset.

import { MillraceError } from '../../errors.ts'
import type { Change, TableSchema } from '../../record/change.ts'
import { assert } from '../../util/assert.ts'
import { keyText } from './key-text.ts'
import { readRange } from './log-range.ts'
import { membership, type OrderedRange } from './membership.ts'
import type { ChangePort, ChunkRead, KeyBound, KeyOrder, KeyRange, Offset } from './port.ts'
import type { Rewind, Rows } from './rewind.ts'

/** Rows of [from, next) as of `high`. */
export interface ExactPart<Row> {
  /** Never empty; more than one where rows were under other columns then. */
  readonly rows: readonly Rows<Row>[]
  readonly high: Offset
  /** When they were read: not before `high`. */
  readonly readAt: Offset
  readonly next: KeyBound | null
}

export interface ExactRead<Row> {
  readonly port: ChangePort<Row>
  readonly table: string
  readonly range: KeyRange
  readonly order: KeyOrder | undefined
  readonly maxRecords: number
  /** Give the rows as of its offset. */
  readonly rewind: Rewind<Row> | undefined
}

const READ_AGAIN_MAX = 100

/**
 * Reads a part and, where the port's low and high differ, plays the log between them over it. A part during which the table
 * was truncated or its columns changed is read again.
 */
export async function readExactly<Row>({
  port,
  table,
  range,
  order,
  maxRecords,
  rewind,
}: ExactRead<Row>): Promise<ExactPart<Row>> {
  for (let attempt = 0; attempt < READ_AGAIN_MAX; attempt++) {
    const read = await port.readChunk(table, range, maxRecords)
    assert(read.next === null || read.next !== range.from, 'a part of a chunk advances')
    const { high, next, schema, source, keyless } = read
    const covered = { range: { from: range.from, to: next ?? range.to }, order }
    const rows = port.compareOffsets(read.low, high) < 0 ? await backfill(port, table, covered, read) : read.rows
    if (rows === undefined) continue
    // Rows without a key cannot be told apart, so not be taken back: they are given as read, to sinks that take back what they wrote.
    if (rewind === undefined || keyless === true || port.compareOffsets(rewind.asOf, high) >= 0)
      return { rows: [{ schema, rows, source }], high, readAt: high, next }
    await rewind.to(high, Number.POSITIVE_INFINITY)
    return { rows: await rewind.apply(covered, { schema, rows, source }), high: rewind.asOf, readAt: high, next }
  }
  const reason = `table "${table}" changed its columns or was truncated in each of ${READ_AGAIN_MAX} attempts to read a chunk`
  throw new MillraceError('SOURCE_FAILED', { node: '?', reason })
}

/** The rows with the log from low to high applied; undefined if they have to be read again. */
async function backfill<Row>(
  port: ChangePort<Row>,
  table: string,
  range: OrderedRange,
  read: ChunkRead<Row>,
): Promise<readonly Change<Row>[] | undefined> {
  const request = { table, from: read.low, to: read.high, pagesMax: Number.POSITIVE_INFINITY }
  const logged = (await readRange(port, request)).changes
  if (logged.length === 0) return read.rows
  if (logged.some(({ change, schema }) => change.op === 't' || change.op === 's' || !sameNames(schema, read.schema)))
    return undefined
  const changes = logged.map(({ change }) => change)
  assert(read.schema.key.length > 0, `table ${table} has a key, or is read at one moment`)
  const rows = new Map(read.rows.map((row) => [keyText(row.key), row]))
  const isInside = await membership(
    port,
    table,
    range,
    changes.map((change) => change.key),
  )
  for (const [index, { before, after, key, oldKey }] of changes.entries()) {
    // Deleting a key that lies elsewhere deletes nothing.
    if (before !== null) rows.delete(keyText(oldKey ?? key))
    if (after !== null && isInside[index])
      rows.set(keyText(key), { op: 'r', before: null, after, key, source: read.source })
  }
  return [...rows.values()]
}

/** A log need not tell of new columns before a row has them. */
function sameNames(a: TableSchema, b: TableSchema): boolean {
  return (
    a === b ||
    (a.columns.length === b.columns.length && a.columns.every(({ name }, index) => name === b.columns[index]?.name))
  )
}
