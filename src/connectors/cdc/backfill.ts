// Reading one part of a chunk exactly: the rows as they were when the log stood at `high`.

import { MillraceError } from '../../errors.ts'
import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'
import { assert } from '../../util/assert.ts'
import type { ChangePort, ChunkRead, KeyBound, KeyRange, Offset } from './port.ts'

/** Rows of [from, next) as of `high`. */
export interface ExactPart<Row> {
  readonly rows: readonly Change<Row>[]
  readonly high: Offset
  readonly next: KeyBound | null
  readonly schema: TableSchema
  readonly source: ChangeSource
}

const READ_AGAIN_MAX = 100

/**
 * Reads a part and, where the port's low and high differ, plays the log between them over it. A part during which the table
 * was truncated or its columns changed is read again.
 */
export async function readExactly<Row>(
  port: ChangePort<Row>,
  table: string,
  range: KeyRange,
  maxRecords: number,
): Promise<ExactPart<Row>> {
  for (let attempt = 0; attempt < READ_AGAIN_MAX; attempt++) {
    const read = await port.readChunk(table, range, maxRecords)
    assert(read.next === null || read.next !== range.from, 'a part of a chunk advances')
    const part = { high: read.high, next: read.next, schema: read.schema, source: read.source }
    if (port.compareOffsets(read.low, read.high) >= 0) return { ...part, rows: read.rows }
    const rows = await backfill(port, table, { from: range.from, to: read.next ?? range.to }, read)
    if (rows !== undefined) return { ...part, rows }
  }
  const reason = `table "${table}" changed its columns or was truncated in each of ${READ_AGAIN_MAX} attempts to read a chunk`
  throw new MillraceError('SOURCE_FAILED', { node: '?', reason })
}

/** The rows with the log from low to high applied; undefined if they have to be read again. */
async function backfill<Row>(
  port: ChangePort<Row>,
  table: string,
  range: KeyRange,
  read: ChunkRead<Row>,
): Promise<readonly Change<Row>[] | undefined> {
  const between = await changesBetween(port, table, read.low, read.high)
  if (between.length === 0) return read.rows
  if (between.some((change) => change.op === 't' || change.op === 's')) return undefined
  if (read.schema.key.length === 0) {
    const reason = `table "${table}" has no key and can only be read at one moment: the port gave low < high`
    throw new MillraceError('INVARIANT', { what: reason })
  }
  const rows = new Map(read.rows.map((row) => [keyText(row.key), row]))
  const inRange = await membership(port, table, range, between)
  for (const [index, change] of between.entries()) {
    const { before, after } = inRange(index)
    if (change.before !== null && before) rows.delete(keyText(change.oldKey ?? change.key))
    if (change.after !== null && after) {
      const { after: row, key } = change
      rows.set(keyText(key), { op: 'r', before: null, after: row, key, source: read.source })
    }
  }
  return [...rows.values()]
}

async function changesBetween<Row>(
  port: ChangePort<Row>,
  table: string,
  low: Offset,
  high: Offset,
): Promise<Change<Row>[]> {
  const found: Change<Row>[] = []
  const log = await port.openLog(low)
  try {
    for (let position = low; port.compareOffsets(position, high) < 0; ) {
      const page = await log.read(1024)
      if (port.compareOffsets(page.next, position) <= 0) await log.available()
      for (const [index, change] of page.changes.entries()) {
        if (port.compareOffsets(page.offsets[index] as Offset, high) > 0) return found
        if (port.tableOf(change) === table) found.push(change)
      }
      position = page.next
    }
    return found
  } finally {
    await log.close()
  }
}

/** For each change, whether its key before and its key after lie in the range. */
async function membership<Row>(
  port: ChangePort<Row>,
  table: string,
  range: KeyRange,
  changes: readonly Change<Row>[],
): Promise<(index: number) => { readonly before: boolean; readonly after: boolean }> {
  const bounds = [range.from, range.to].filter((bound) => bound !== null)
  const router = await port.openRouter(table, bounds)
  try {
    const after = await router.route(changes.map((change) => change.key))
    const before = await router.route(changes.map((change) => change.oldKey ?? change.key))
    const inside = range.from === null ? 0 : 1
    return (index) => ({ before: before[index] === inside, after: after[index] === inside })
  } finally {
    await router.close()
  }
}

/** A string that is equal exactly for keys of the same types and values. */
export function keyText(key: readonly unknown[]): string {
  return JSON.stringify(key.map(partText))
}

function partText(value: unknown): string {
  if (value instanceof Uint8Array)
    return `b${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')}`
  if (value instanceof Date) return `d${value.getTime()}`
  if (typeof value === 'object' && value !== null) {
    return `o${JSON.stringify(Object.entries(value).map(([name, part]) => [name, partText(part)]))}`
  }
  return `${typeof value}:${Object.is(value, -0) ? '-0' : String(value)}`
}
