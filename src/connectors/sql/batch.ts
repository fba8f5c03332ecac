// Batch: changes of many tables on their way to the database, and how they are dealt to connections.

import type { SqlTable } from './dialect.ts'
import { TableBatch, type TableWork } from './table-batch.ts'

/** Long texts and bytes in memory; statements of them take several times as much. */
const BYTES_MAX = 32 * 1024 * 1024

/** Fewer rows than this are not worth a transaction of their own. */
const ROWS_MIN = 128

export class Batch<Table extends SqlTable> {
  readonly #tables = new Map<Table, TableBatch<Table>>()
  #last: TableBatch<Table> | undefined
  #changes = 0
  #bytes = 0

  /** How many changes came in. */
  get changes(): number {
    return this.#changes
  }

  /** It holds so many changes, or as many bytes as there may be. */
  isFull(rowsMax: number): boolean {
    return this.#changes >= rowsMax || this.#bytes >= BYTES_MAX
  }

  write(table: Table, row: readonly unknown[]): void {
    this.#changes += 1
    this.#bytes += bytesOf(row)
    this.#of(table).write(row)
  }

  remove(table: Table, row: readonly unknown[]): void {
    this.#changes += 1
    this.#bytes += bytesOf(row)
    this.#of(table).remove(row)
  }

  works(): TableWork<Table>[] {
    return [...this.#tables.values()].filter(({ size }) => size > 0).map((batch) => batch.work())
  }

  #of(table: Table): TableBatch<Table> {
    if (this.#last?.table === table) return this.#last
    let batch = this.#tables.get(table)
    if (batch === undefined) {
      batch = new TableBatch(table)
      this.#tables.set(table, batch)
    }
    this.#last = batch
    return batch
  }
}

/** About: what is neither text nor bytes counts little. */
function bytesOf(row: readonly unknown[]): number {
  let bytes = 0
  for (let at = 0; at < row.length; at++) {
    const value = row[at]
    if (typeof value === 'string') bytes += value.length
    else if (value instanceof Uint8Array) bytes += value.length
  }
  return bytes
}

/**
 * Deals work to at most `lanes` connections that write at once. Every key is in it once, so any split keeps the order per key; only
 * where the database may take two different keys for one does a table stay whole: deletes come first within a lane, then writes in order.
 */
export function dealToLanes<Table extends SqlTable>(
  works: readonly TableWork<Table>[],
  lanes: number,
): TableWork<Table>[][] {
  const rows = works.reduce((sum, work) => sum + sizeOf(work), 0)
  const used = Math.max(1, Math.min(lanes, Math.ceil(rows / ROWS_MIN)))
  const dealt = Array.from({ length: used }, (): TableWork<Table>[] => [])
  const filled = new Array<number>(used).fill(0)
  const share = Math.ceil(rows / used)
  for (const work of works) {
    for (const part of mustStayWhole(work) ? [work] : cut(work, share)) {
      const lane = filled.indexOf(Math.min(...filled))
      dealt[lane]?.push(part)
      filled[lane] = (filled[lane] ?? 0) + sizeOf(part)
    }
  }
  return dealt.filter((lane) => lane.length > 0)
}

function sizeOf({ removes, writes }: TableWork<SqlTable>): number {
  return removes.length + writes.length
}

function mustStayWhole({ table }: TableWork<SqlTable>): boolean {
  return table.rows !== 'keyed' || table.looseKey
}

function cut<Table extends SqlTable>(work: TableWork<Table>, share: number): TableWork<Table>[] {
  const { table, removes, writes } = work
  const parts: TableWork<Table>[] = []
  for (let from = 0; from < removes.length; from += share)
    parts.push({ table, removes: removes.slice(from, from + share), counts: undefined, writes: [] })
  for (let from = 0; from < writes.length; from += share)
    parts.push({ table, removes: [], counts: undefined, writes: writes.slice(from, from + share) })
  return parts
}
