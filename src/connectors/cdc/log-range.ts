import type { Change, TableSchema } from '../../record/change.ts'
import type { ChangePort, Offset } from './port.ts'

/** A change and the columns of its table at its time. */
export interface SchemedChange<Row> {
  readonly change: Change<Row>
  readonly schema: TableSchema
}

/** What was read, and up to where. */
export interface LogRange<Row> {
  readonly changes: readonly SchemedChange<Row>[]
  readonly upTo: Offset
  /** The table's columns at its first change behind the range, where that came with it. */
  readonly behind: TableSchema | undefined
  /** Up to where the log itself was read: not before `upTo`. */
  readonly read: Offset
}

export interface RangeRequest {
  readonly table: string
  readonly from: Offset
  readonly to: Offset
  /** Stop after so many pages that led on. */
  readonly pagesMax: number
}

const PAGE_RECORDS = 1024

/** The changes of one table behind `from`, up to and including `to`, or as far as pagesMax goes. */
export async function readRange<Row>(
  port: ChangePort<Row>,
  { table, from, to, pagesMax }: RangeRequest,
): Promise<LogRange<Row>> {
  const changes: SchemedChange<Row>[] = []
  if (port.compareOffsets(from, to) >= 0) return { changes, upTo: from, behind: undefined, read: from }
  const log = await port.openLog(from, table)
  try {
    let upTo = from
    let behind: TableSchema | undefined
    for (let pages = 0; pages < pagesMax && port.compareOffsets(upTo, to) < 0; ) {
      const page = await log.read(PAGE_RECORDS)
      // What was committed before `to` was asked for may reach the log's reader a little later. Waiting for it is no page: what is read
      // in vain is read again from the same place.
      if (port.compareOffsets(page.next, upTo) <= 0) await log.available()
      else pages += 1
      for (const [index, change] of page.changes.entries()) {
        if (port.tableOf(change) !== table) continue
        const schema = page.schemas[index] as TableSchema
        if (port.compareOffsets(page.offsets[index] as Offset, to) > 0) behind ??= schema
        else changes.push({ change, schema })
      }
      upTo = page.next
    }
    return { changes, upTo: port.compareOffsets(upTo, to) > 0 ? to : upTo, behind, read: upTo }
  } finally {
    await log.close()
  }
}
