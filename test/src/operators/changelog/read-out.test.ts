// Tables as upserts and as they are in the end: of changes that come in order, out of order, and over several paths.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import Libsql from 'libsql'
import { afterAll, describe, expect, test } from 'vitest'
import { type RunHereOptions, runJobHere } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { generate } from '../../../../src/connectors/generate/index.ts'
import { sqliteTableChanges } from '../../../../src/connectors/sqlite/index.ts'
import {
  type Change,
  type ChangelogStream,
  count,
  type Flow,
  fromArray,
  type Job,
  job,
  max,
  type Stream,
  sum,
} from '../../../../src/index.ts'
import type { RowChange } from '../../../../src/record/row-change.ts'
import { Bag, changesOf, emptyTable, liveRows, PLAYS, playAllWays, recordsOf } from '../../../support/changelog.ts'

const full = process.env.MILLRACE_FULL === '1'
const root = mkdtempSync(join(tmpdir(), 'read-out-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

interface Row {
  readonly id: number
  readonly v: number
}

const row: fc.Arbitrary<Row> = fc.record({ id: fc.nat(2), v: fc.nat(3) })

/** Of each key the row that came last. */
function latest(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((one) => [one.id, one])).values()]
}

const jobOf = (mode: 'append' | 'retract', read: (rows: ChangelogStream<Row>) => Stream<unknown>): Job =>
  job('read-out', (flow) => {
    read(emptyTable<Row>(flow, 'rows', mode)).to('out', collect<unknown>([]))
  })

describe.each(['append', 'retract'] as const)('a table of mode %s', (mode) => {
  const tried = async (
    read: (rows: ChangelogStream<Row>) => Stream<unknown>,
    check: (emitted: readonly unknown[], changes: readonly RowChange<Row>[], way: string) => void,
  ): Promise<void> => {
    const property = (changes: readonly RowChange<Row>[]): Promise<void> =>
      playAllWays({
        job: jobOf(mode, read),
        node: 'table',
        inputs: recordsOf(changes, mode).map((record) => ({ input: 0, record })),
        end: (emitted, way) => check(emitted, changes, way),
      })
    await fc.assert(fc.asyncProperty(changesOf(row, mode), property), PLAYS)
  }

  test('is read out as it is in the end', async () => {
    await tried(
      (rows) => rows.materialise('table'),
      (emitted, changes, way) => expect(new Bag(emitted).content, way).toEqual(new Bag(liveRows(changes)).content),
    )
  })

  test('is read out by key', async () => {
    await tried(
      (rows) => rows.materialise('table', { key: ({ id }) => id }),
      (emitted, changes, way) =>
        expect(new Bag(emitted).content, way).toEqual(new Bag(latest(liveRows(changes, 'last'))).content),
    )
  })

  test('is followed by upserts that say what was there before', async () => {
    await tried(
      (rows) => rows.toUpserts('table', ({ id }) => [id]),
      (emitted, changes, way) => {
        const table = new Map<number, Row>()
        for (const { op, before, after, key } of emitted as readonly Change<Row>[]) {
          const [id] = key as [number]
          expect(table.get(id) ?? null, way).toEqual(before)
          expect(op).toBe(before === null ? 'c' : after === null ? 'd' : 'u')
          if (after === null) table.delete(id)
          else table.set(id, after)
        }
        expect(new Bag(table.values()).content, way).toEqual(new Bag(latest(liveRows(changes, 'last'))).content)
        if (way.includes('batch')) expect(emitted.every((one) => (one as Change<Row>).op === 'c')).toBe(true)
      },
    )
  })
})

test('a new row that overtakes the removal of the old one stays', async () => {
  await playAllWays({
    job: jobOf('retract', (rows) => rows.toUpserts('table', ({ id }) => [id])),
    node: 'table',
    inputs: [
      { kind: '+I', row: { id: 1, v: 1 } },
      { kind: '+U', row: { id: 1, v: 2 } },
      { kind: '-U', row: { id: 1, v: 1 } },
    ].map((record) => ({ input: 0, record })),
    end: (emitted) => {
      const { op, after } = emitted.at(-1) as Change<Row>
      expect([op === 'd', after]).toEqual([false, { id: 1, v: 2 }])
    },
  })
})

// Whole jobs: sales of shops are put right again and again, shops are ranked, regions joined: keys change from node to node.

interface Sale {
  readonly shop: number
  readonly cents: number
}

const SALES = 600
const sales = Array.from({ length: SALES }, (_, n): Sale => ({ shop: (n * n) % 17, cents: (n * 7919) % 101 }))
const REGIONS = [0, 1, 2].map((region) => ({ region, name: `region ${region}` }))

/** Of each region that is named the two shops that took most; of shops of other regions nothing is known. */
function ranking(flow: Flow) {
  const regions = flow.from('regions', fromArray(REGIONS)).toChangelog()
  return flow
    .from('sales', generate({ count: SALES, make: (n) => sales[n] as Sale }))
    .toChangelog()
    .groupBy('shop', ({ shop }) => shop)
    .aggregate(
      'taken',
      sum(({ cents }: Sale) => cents),
      (shop, cents) => ({ shop, cents, region: shop % 4 }),
    )
    .topN('best', {
      key: ({ region }) => region,
      n: 2,
      orderBy: (a, b) => b.cents - a.cents || a.shop - b.shop,
      rank: (shop, rank) => ({ ...shop, rank }),
    })
    .join('named', regions, {
      type: 'left',
      leftKey: ({ region }) => (region === 3 ? null : region),
      rightKey: ({ region }) => region,
      row: (shop, region) => ({ ...shop, name: region?.name ?? 'nowhere' }),
    })
    .filter('large', ({ cents }) => cents > 300)
}

function expectedRanking(): { region: number; rank: number; shop: number; cents: number; name: string }[] {
  const shops = [...new Set(sales.map(({ shop }) => shop))].map((shop) => ({
    shop,
    cents: sales.filter((sale) => sale.shop === shop).reduce((total, { cents }) => total + cents, 0),
    region: shop % 4,
  }))
  return [0, 1, 2, 3].flatMap((region) =>
    shops
      .filter((shop) => shop.region === region)
      .sort((a, b) => b.cents - a.cents || a.shop - b.shop)
      .slice(0, 2)
      .map((shop, index) => ({ ...shop, rank: index + 1, name: REGIONS[region]?.name ?? 'nowhere' }))
      .filter(({ cents }) => cents > 300),
  )
}

const CACHES = [{}, { stateCacheBytes: 4 << 10 }]
const PARALLELISMS = full ? [2, 4] : [1, 3]

/** So that there are checkpoints to go back to. */
const PACED = { recordsPerCheckpoint: 50 }

async function finished(subject: Job, options: RunHereOptions): Promise<void> {
  const { state, failure, faultFired } = await runJobHere(subject, options)
  expect(failure).toBeUndefined()
  expect(state).toBe('finished')
  if (options.fault !== undefined) expect(faultFired).toBe(true)
}

describe.each(PARALLELISMS)('a job over changelogs at parallelism %i', (parallelism) => {
  test.each(CACHES)('has the table in the end, with %o', async (cache) => {
    for (const fault of [undefined, { node: 'best', record: 40 }, { node: 'named', record: 20 }]) {
      const out: unknown[] = []
      const subject = job('ranking', (flow) => ranking(flow).materialise('table').to('out', collect(out)))
      await finished(subject, { ...PACED, parallelism, ...cache, ...(fault && { fault }) })
      expect(new Bag(out).content).toEqual(new Bag(expectedRanking()).content)
    }
  })

  test('keeps a table of a database equal to its own', async () => {
    for (const fault of [undefined, { node: 'upserts', record: 25 }]) {
      const file = join(mkdtempSync(join(root, 'db-')), 'report.db')
      const subject = job('report', (flow) =>
        ranking(flow)
          .toUpserts('upserts', ({ region, rank }) => [region, rank])
          .to('report', sqliteTableChanges({ file, table: 'report', key: ['region', 'rank'], create: true })),
      )
      await finished(subject, { ...PACED, parallelism, ...(fault && { fault }) })
      expect(new Bag(tableOf(file)).content).toEqual(new Bag(expectedRanking()).content)
    }
  })

  test('has in batch mode the same table, and nothing that was taken back', async () => {
    const out: RowChange<unknown>[] = []
    const subject = job('ranking', (flow) => ranking(flow).changes('changes').to('out', collect(out)))
    await finished(subject, { parallelism, mode: 'batch' })
    expect(out.map(({ kind }) => kind)).toEqual(out.map(() => '+I'))
    expect(new Bag(out.map((one) => one.row)).content).toEqual(new Bag(expectedRanking()).content)
  })
})

function tableOf(file: string): unknown[] {
  const database = new Libsql(file)
  try {
    return database
      .prepare('SELECT * FROM report')
      .all()
      .map((found) => ({ ...(found as object) }))
  } finally {
    database.close()
  }
}

test('rows of unions are those of all, whether they only grow or not', async () => {
  const out: unknown[] = []
  const subject = job('union', (flow) => {
    const more = flow.from('more', fromArray([{ shop: 1, cents: 5 }])).toChangelog()
    flow
      .from('sales', fromArray(sales))
      .toChangelog()
      .groupBy('shop', ({ shop }) => shop)
      .aggregate(
        'best',
        max(({ cents }: Sale) => cents),
        (shop, cents) => ({ shop, cents }),
      )
      .union('both', more)
      .groupBy('all', () => null)
      .aggregate('count', count<Sale>(), (_all, rows) => ({ rows }))
      .materialise('table')
      .to('out', collect(out))
  })
  await finished(subject, { parallelism: 2 })
  expect(out).toEqual([{ rows: new Set(sales.map(({ shop }) => shop)).size + 1 }])
})
