// Operators that make a table of a table, against models over plain arrays: after each record, and in every way of running them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collect } from '../../../../src/connectors/collect/index.ts'
import {
  aggregates,
  avg,
  type ChangelogStream,
  count,
  job,
  max,
  min,
  type RowOrder,
  sum,
} from '../../../../src/index.ts'
import type { RowChange } from '../../../../src/record/row-change.ts'
import {
  Bag,
  bagOf,
  changesOf,
  emptyTable,
  isRowChange,
  liveRows,
  type Mode,
  PLAYS,
  playAllWays,
  recordsOf,
} from '../../../support/changelog.ts'

interface Row {
  readonly k: string | null
  readonly v: number
  readonly at: number
}

const row: fc.Arbitrary<Row> = fc.record({
  k: fc.constantFrom('a', 'b', null),
  v: fc.nat(3),
  at: fc.nat(3),
})

interface TableCase {
  readonly name: string
  readonly modes?: readonly Mode[]
  readonly table: (rows: ChangelogStream<Row>) => ChangelogStream<unknown>
  /** What the table is, of the rows that are there in stream order. */
  readonly model: (rows: readonly Row[]) => readonly unknown[]
  /** Which of equal rows goes. */
  readonly goes?: 'first' | 'last'
}

const keysOf = (rows: readonly Row[]): (string | null)[] => [...new Set(rows.map(({ k }) => k))]
const ofKey = (rows: readonly Row[], key: string | null): Row[] => rows.filter(({ k }) => k === key)
const perKey = (rows: readonly Row[], make: (rows: Row[], key: string | null) => readonly unknown[]): unknown[] =>
  keysOf(rows).flatMap((key) => make(ofKey(rows, key), key))

const byTime: RowOrder<Row> = (a, b) => a.at - b.at
const byValue: RowOrder<Row> = (a, b) => b.v - a.v

const CASES: readonly TableCase[] = [
  {
    name: 'aggregate',
    table: (rows) =>
      rows
        .groupBy('group', ({ k }) => k)
        .aggregate(
          'table',
          aggregates({
            rows: count<Row>(),
            sum: sum(({ v }: Row) => v),
            least: min(({ v }: Row) => v),
            most: max(({ v }: Row) => v),
            mean: avg(({ v }: Row) => BigInt(v)),
          }),
          (k, result) => ({ k, ...result }),
        ),
    model: (rows) =>
      perKey(rows, (group, k) => {
        const values = group.map(({ v }) => v)
        const total = values.reduce((a, b) => a + b, 0)
        const mean = BigInt(Math.trunc(total / values.length))
        return [{ k, rows: values.length, sum: total, least: Math.min(...values), most: Math.max(...values), mean }]
      }),
  },
  {
    name: 'distinct',
    table: (rows) => rows.distinct('table'),
    model: (rows) => [...new Map(rows.map((one) => [JSON.stringify(one), one])).values()],
  },
  {
    name: 'deduplicate, the first in the stream',
    table: (rows) => rows.deduplicate('table', ({ k }) => k, { keep: 'first' }),
    model: (rows) => perKey(rows, (group) => group.slice(0, 1)),
  },
  {
    name: 'deduplicate, the last in the stream',
    table: (rows) => rows.deduplicate('table', ({ k }) => k, { keep: 'last' }),
    model: (rows) => perKey(rows, (group) => group.slice(-1)),
    goes: 'last',
  },
  {
    name: 'deduplicate, the first in time',
    table: (rows) => rows.deduplicate('table', ({ k }) => k, { keep: 'first', orderBy: byTime }),
    model: (rows) => perKey(rows, (group) => group.toSorted(byTime).slice(0, 1)),
  },
  {
    name: 'deduplicate, the last in time',
    table: (rows) => rows.deduplicate('table', ({ k }) => k, { keep: 'last', orderBy: byTime }),
    model: (rows) => perKey(rows, (group) => group.toSorted(byTime).slice(-1)),
    goes: 'last',
  },
  ...[1, 2, 3].flatMap((n): TableCase[] => [
    {
      name: `top ${n}`,
      table: (rows) => rows.topN('table', { key: ({ k }) => k, n, orderBy: byValue }),
      model: (rows) => perKey(rows, (group) => group.toSorted(byValue).slice(0, n)),
    },
    {
      name: `top ${n} with ranks`,
      table: (rows) =>
        rows.topN('table', { key: ({ k }) => k, n, orderBy: byValue, rank: (one, rank) => ({ ...one, rank }) }),
      model: (rows) =>
        perKey(rows, (group) => {
          const first = group.toSorted(byValue).slice(0, n)
          return first.map((one, index) => ({ ...one, rank: index + 1 }))
        }),
    },
  ]),
]

describe.each(CASES)('$name', ({ table, model, goes }) => {
  test.each(['append', 'retract'] as const)('of a table of mode %s is as its model says', async (mode) => {
    const rows: Row[] = []
    const subject = job('tables', (flow) => {
      table(emptyTable<Row>(flow, 'rows', mode))
        .changes('changes')
        .to('out', collect<unknown>(rows))
    })
    const property = async (changes: readonly RowChange<Row>[]): Promise<void> => {
      const records = recordsOf(changes, mode)
      await playAllWays({
        job: subject,
        node: 'table',
        inputs: records.map((record) => ({ input: 0, record })),
        after: (n, emitted) => {
          const expected = new Bag(model(liveRows(changes.slice(0, n), goes)))
          expect(bagOf(emitted).content).toEqual(expected.content)
        },
        end: (emitted, way) => {
          const expected = model(liveRows(changes, goes))
          expect(bagOf(emitted).content, way).toEqual(new Bag(expected).content)
          if (!way.includes('batch')) return
          // In batch mode nothing is taken back, and nothing is put out that is.
          expect(emitted.every((one) => !isRowChange(one) || one.kind === '+I')).toBe(true)
          expect(emitted).toHaveLength(expected.length)
        },
      })
    }
    await fc.assert(fc.asyncProperty(changesOf(row, mode), property), PLAYS)
  })
})
