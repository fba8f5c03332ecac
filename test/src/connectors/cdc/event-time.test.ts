// Event time of a change source: rows of a table come by key, so that they may be of any time; changes come in order.

import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction, monotonousTimestamps } from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { sqliteChanges } from 'millrace/connectors/sqlite'
import { run } from 'millrace/runtime'
import { expect, it } from 'vitest'
import type { Change } from '../../../../src/record/change.ts'
import { makeDatabase } from '../sqlite/sqlite-fixture.ts'

interface Row {
  readonly id: number
  readonly at: number
}

/** Says of each record whether event time had passed it. */
class Lateness extends KeyedProcessFunction<number, Change<Row>, string> {
  override process(change: Change<Row>, { timers }: KeyedProcessContext<number>, out: Collector<string>): void {
    const at = change.after?.at ?? 0
    out.emit(`${change.op}${at}${at <= timers.currentWatermark() ? ' late' : ''}`)
  }
}

it.each([1, 3])('makes no row of a snapshot late, nor the changes behind it, in %i subtasks', async (parallelism) => {
  const rows = Array.from({ length: 3_000 }, (_, id) => ({ id, at: 1_000 + ((id * 7_919) % 3_000) }))
  const { file, folder, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER)')
  db.exec(`INSERT INTO t VALUES ${rows.map(({ id, at }) => `(${id}, ${at})`).join()}`)
  const out: string[] = []
  const changes = job('changes', (flow) => {
    flow
      .from('rows', () => sqliteChanges<Row>({ file, tables: ['t'], pollMs: 1, chunkSize: 500 }), {
        watermarks: monotonousTimestamps({ timestampOf: ({ after }) => after?.at ?? 0, idleAfterMs: 50 }),
      })
      .keyBy('key', ({ key }) => Number(key[0]) % 7)
      .process('lateness', () => new Lateness())
      .to('out', collect(out))
  })
  const running = run(changes, { dataDir: folder, parallelism, checkpoint: { intervalMs: 5 } })
  const seen = async (count: number): Promise<void> => {
    while (out.length < count) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await seen(rows.length)
  for (let at = 10_000; at < 10_040; at += 1) db.exec(`INSERT INTO t VALUES (${at}, ${at})`)
  await seen(rows.length + 40)
  expect(await running.stop()).toMatchObject({ state: 'stopped', failure: undefined })
  const said = [...rows.map(({ at }) => `r${at}`), ...Array.from({ length: 40 }, (_, i) => `c${10_000 + i}`)]
  expect(out.toSorted()).toEqual(said.toSorted())
})
