// Types of rows flow through changelogs without a cast, and wrong use does not compile. Checked by tsc; the run is a formality.

import { expectTypeOf, test } from 'vitest'
import { collect } from '../../src/connectors/collect/index.ts'
import {
  aggregates,
  avg,
  type Change,
  type ChangelogStream,
  count,
  fromArray,
  job,
  max,
  type RowChange,
  type Stream,
} from '../../src/index.ts'

interface Sale {
  readonly shop: string
  readonly region: number | null
  readonly cents: number
}

interface Shop {
  readonly name: string
  readonly open: boolean
}

test('rows keep their types from node to node', () => {
  job('types', (flow) => {
    const sales = flow.from('sales', fromArray<Sale>([])).toChangelog()
    expectTypeOf(sales).toEqualTypeOf<ChangelogStream<Sale>>()

    const totals = sales
      .groupBy('by-shop', ({ shop }) => shop)
      .aggregate(
        'totals',
        aggregates({ sales: count<Sale>(), best: max(({ cents }: Sale) => cents) }),
        (shop, { sales: many, best }) => {
          expectTypeOf(shop).toEqualTypeOf<string>()
          return { shop, many, best }
        },
      )
    expectTypeOf(totals).toEqualTypeOf<ChangelogStream<{ shop: string; many: number; best: number }>>()

    const regions = sales
      .groupBy('by-region', ({ region, shop }) => [region, shop])
      .aggregate(
        'mean',
        avg(({ cents }) => BigInt(cents)),
        (key, mean) => ({ region: key[0], mean }),
      )
    expectTypeOf(regions).toEqualTypeOf<ChangelogStream<{ region: number | null; mean: bigint }>>()

    const best = totals.topN('best', { key: () => 'all', n: 3, orderBy: (a, b) => b.best - a.best })
    expectTypeOf(best).toEqualTypeOf<typeof totals>()
    const ranked = best.topN('ranked', {
      key: () => null,
      n: 3,
      orderBy: (a, b) => b.best - a.best,
      rank: ({ shop }, rank) => ({ shop, rank }),
    })
    expectTypeOf(ranked).toEqualTypeOf<ChangelogStream<{ shop: string; rank: number }>>()

    const shops = flow.from('shops', fromArray<Change<Shop>>([])).cdcToChangelog('shops-changes')
    expectTypeOf(shops).toEqualTypeOf<ChangelogStream<Shop>>()
    const inner = ranked.join('inner', shops, {
      leftKey: ({ shop }) => shop,
      rightKey: ({ name }) => name,
      row: ({ rank }, { open }) => ({ rank, open }),
    })
    expectTypeOf(inner).toEqualTypeOf<ChangelogStream<{ rank: number; open: boolean }>>()
    ranked
      .join('left', shops, {
        type: 'left',
        leftKey: ({ shop }) => shop,
        rightKey: ({ name }) => name,
        row: (left, right) => {
          expectTypeOf(left.rank).toEqualTypeOf<number>()
          // @ts-expect-error a shop that nobody knows has no row
          right.open
          return right?.open ?? null
        },
      })
      .materialise('left-rows')
      .to('left-out', collect<boolean | null>([]))

    expectTypeOf(inner.changes('changes')).toEqualTypeOf<Stream<RowChange<{ rank: number; open: boolean }>>>()
    expectTypeOf(inner.toUpserts('upserts', ({ rank }) => [rank])).toEqualTypeOf<
      Stream<Change<{ rank: number; open: boolean }>>
    >()
    inner.changes('again').rowChangesToChangelog('back').materialise('rows').to('rows-out', collect<object>([]))

    // @ts-expect-error records that are no changes
    flow.from('plain', fromArray<Sale>([])).cdcToChangelog('none')
    // @ts-expect-error a table has no column of that name
    sales.groupBy('wrong', ({ size }) => size)
    // @ts-expect-error neither first nor last
    sales.deduplicate('any', ({ shop }) => shop, { keep: 'any' })
    // @ts-expect-error an object is no key
    sales.deduplicate('object', ({ shop }) => ({ shop }), { keep: 'first' })
  })
})
