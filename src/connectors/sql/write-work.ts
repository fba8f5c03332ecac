// Writing a lane's work over one connection: quickly, or row by row where one of them does not fit.

import type { SqlDialect, SqlSession, SqlTable } from './dialect.ts'
import type { TableWork } from './table-batch.ts'

type Values = readonly unknown[]

/** All of it in as few statements as can be: deletes, then writes. Gives how many rows to delete were not there (where that is known). */
export async function writeWorks<Table extends SqlTable>(
  session: SqlSession<Table>,
  works: readonly TableWork<Table>[],
): Promise<number> {
  let missing = 0
  for (const { table, removes, counts } of works) {
    if (counts === undefined) {
      if (removes.length > 0) await session.remove(table, removes)
      continue
    }
    for (const [index, row] of removes.entries()) {
      const count = counts[index] as number
      missing += count - (await session.removeEqual(table, row, count))
    }
  }
  for (const { table, writes } of works) if (writes.length > 0) await session.write(table, writes)
  return missing
}

/** A row that does not fit: what to do about it. Throws where it is to fail the job. */
export type RowRefused<Table extends SqlTable> = (
  session: SqlSession<Table>,
  refused: { readonly table: Table; readonly op: 'write' | 'delete'; readonly values: Values; readonly error: unknown },
) => Promise<void>

/** The same, finding the rows that are refused by halving: everything else is written. */
export async function writeWorksCarefully<Table extends SqlTable>(
  session: SqlSession<Table>,
  works: readonly TableWork<Table>[],
  dialect: SqlDialect<Table>,
  refused: RowRefused<Table>,
): Promise<number> {
  let missing = 0
  const attempt = async (table: Table, op: 'write' | 'delete', rows: readonly Values[], run: Run): Promise<void> => {
    await session.savepoint()
    try {
      return await run(rows)
    } catch (error) {
      if (dialect.classOf(error) !== 'row') throw error
      await session.rollbackToSavepoint()
      if (rows.length === 1) return await refused(session, { table, op, values: rows[0] as Values, error })
    }
    const middle = rows.length >> 1
    await attempt(table, op, rows.slice(0, middle), run)
    await attempt(table, op, rows.slice(middle), run)
  }
  for (const { table, removes, counts } of works) {
    if (counts === undefined && removes.length > 0)
      await attempt(table, 'delete', removes, (rows) => session.remove(table, rows))
    for (const [index, count] of (counts ?? []).entries()) {
      await attempt(table, 'delete', [removes[index] as Values], async ([row]) => {
        missing += count - (await session.removeEqual(table, row as Values, count))
      })
    }
  }
  for (const { table, writes } of works)
    if (writes.length > 0) await attempt(table, 'write', writes, (rows) => session.write(table, rows))
  return missing
}

type Run = (rows: readonly Values[]) => Promise<void>
