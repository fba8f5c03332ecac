// Every change of a database held against what was told of its row before: nothing twice, nothing missing, nothing out of order.

import { type Change, type Collector, job, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import { mysqlChanges } from 'millrace/connectors/mysql'
import { sqliteTable } from 'millrace/connectors/sqlite'

interface Row {
  readonly v: bigint | null
  readonly a: string | null
}

/** A row as it is now, or its absence. */
interface Latest {
  readonly id: string
  readonly row: string | null
}

const textOf = (values: readonly unknown[]): string =>
  JSON.stringify(
    values.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)),
    (_, value) => (typeof value === 'bigint' ? String(value) : value),
  )
const idOf = ({ source, key }: Change<Row>): string => `${source.table} ${textOf(key)}`
const seen = (row: Row | null): string | null => (row === null ? null : textOf([row.v, row.a]))

/** One row's life, change by change. */
class StrictRow extends KeyedProcessFunction<string, Change<Row>, Latest> {
  readonly #row = this.valueState<string>('row')

  override process(change: Change<Row>, { key }: KeyedProcessContext<string>, out: Collector<Latest>): void {
    const known = this.#row.get() ?? null
    if (known !== seen(change.before))
      throw new Error(
        `${key}: ${change.op} at ${change.source.position} found ${seen(change.before)}, told before was ${known}`,
      )
    const after = seen(change.after)
    if (after === null) this.#row.clear()
    else this.#row.set(after)
    out.emit({ id: key, row: after })
  }
}

export default job('mysql-order', (flow, settings) => {
  flow
    .from(
      'changes',
      mysqlChanges<Row>({ url: settings.string('from'), tables: settings.list('tables'), discoveryIntervalMs: 200 }),
    )
    // A row whose key changes ends its life under one key and begins another one.
    .flatMap('lives', (change): Change<Row>[] => {
      if (change.oldKey === undefined) return [change]
      const { oldKey, ...rest } = change
      return [
        { ...rest, op: 'd', key: oldKey, after: null },
        { ...rest, op: 'c', before: null },
      ]
    })
    .keyBy('row', idOf)
    .process('strict', () => new StrictRow())
    .keyBy('id', ({ id }) => id)
    .to(
      'latest',
      sqliteTable({
        file: settings.string('latest'),
        table: 'latest',
        key: ['id'],
        create: true,
        columns: { id: 'TEXT', row: 'TEXT' },
      }),
    )
})
