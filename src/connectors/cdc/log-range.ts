import type { Change, TableSchema } from '../../record/change.ts'
import type { ChangePort, Offset } from './port.ts'

/** A change and the columns of its table at its time. */
export interface SchemedChange<Row> {
  readonly change: Change<Row>
  readonly schema: TableSchema
}

/** The changes of one table behind `from`, up to and including `to`. */
export async function readChanges<Row>(
  port: ChangePort<Row>,
  table: string,
  from: Offset,
  to: Offset,
): Promise<readonly SchemedChange<Row>[]> {
  const found: SchemedChange<Row>[] = []
  if (port.compareOffsets(from, to) >= 0) return found
  const log = await port.openLog(from)
  try {
    for (let position = from; port.compareOffsets(position, to) < 0; ) {
      const page = await log.read(1024)
      // What was committed before `to` was asked for may reach the log's reader a little later.
      if (port.compareOffsets(page.next, position) <= 0) await log.available()
      for (const [index, change] of page.changes.entries()) {
        if (port.compareOffsets(page.offsets[index] as Offset, to) > 0) return found
        if (port.tableOf(change) === table) found.push({ change, schema: page.schemas[index] as TableSchema })
      }
      position = page.next
    }
    return found
  } finally {
    await log.close()
  }
}
