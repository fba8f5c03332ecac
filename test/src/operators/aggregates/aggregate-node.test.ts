// Aggregate functions where they are used: behind keyBy(), in every way in which the machine runs a node, through faults.

import {
  aggregates,
  avg,
  collectList,
  count,
  countDistinct,
  Decimal,
  first,
  fromArray,
  type Job,
  job,
  type KeyedStream,
  last,
  max,
  maxBy,
  min,
  type Stream,
  sum,
} from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { describe, expect, test } from 'vitest'
import { runJobHere, testJob, testNode } from '../../../../runtime/testing/index.ts'

interface Sale {
  readonly shop: string
  readonly id: bigint
  readonly amount: Decimal
  readonly items: number | null
}

const sale = (shop: string, id: bigint, amount: string, items: number | null): Sale => ({
  shop,
  id,
  amount: new Decimal(amount),
  items,
})

const SALES: readonly Sale[] = [
  sale('Cork', 2n ** 63n, '0.10', 1),
  sale('Aarhus', 2n ** 53n + 1n, '19.99', null),
  sale('Cork', 2n ** 64n + 3n, '0.20', 3),
  sale('Cork', -1n, '12345678901234567890.123456789', null),
]

const totals = aggregates({
  shop: first((one: Sale) => one.shop),
  sales: count(),
  ids: sum((one: Sale) => one.id),
  middle: avg((one: Sale) => one.id),
  amount: sum((one: Sale) => one.amount),
  mean: avg((one: Sale) => one.amount, { scale: 2 }),
  items: sum((one: Sale) => one.items),
  least: min((one: Sale) => one.amount),
  most: max((one: Sale) => one.id),
  dearest: maxBy((one: Sale) => one.amount),
  amounts: countDistinct((one: Sale) => one.amount),
  all: collectList((one: Sale) => one.items),
  latest: last((one: Sale) => one.id),
})

/** What the row is after each sale, by plain arithmetic over the sales of the shop so far. */
const EXPECTED = SALES.map((latest, index) => {
  const sales = SALES.slice(0, index + 1).filter(({ shop }) => shop === latest.shop)
  const ids = sales.reduce((total, { id }) => total + id, 0n)
  const amount = sales.reduce((total, one) => total.plus(one.amount), new Decimal(0))
  const items = sales.flatMap((one) => one.items ?? [])
  const by = [...sales].sort((a, b) => a.amount.cmp(b.amount))
  return {
    shop: latest.shop,
    sales: sales.length,
    ids,
    middle: ids / BigInt(sales.length),
    amount,
    mean: amount.div(sales.length).toDecimalPlaces(2),
    items: items.length === 0 ? null : items.reduce((a, b) => a + b),
    least: by[0]?.amount,
    most: sales.map(({ id }) => id).reduce((a, b) => (b > a ? b : a)),
    dearest: by.at(-1),
    amounts: sales.length,
    all: items,
    latest: latest.id,
  }
})

function shops<Out>(attach: (sales: KeyedStream<string, Sale>) => Stream<Out>, out: Out[] = []): Job {
  return job('shops', (flow) => {
    const sales = flow.from('sales', fromArray(SALES)).keyBy('shop', (one) => one.shop)
    attach(sales).to('out', collect(out))
  })
}

describe('aggregate()', () => {
  test('takes them, also restored after each record and with no room for its state', async () => {
    const made = shops((sales) => sales.aggregate('totals', totals))
    await testNode(made, 'totals', { input: SALES, expected: EXPECTED })
  })

  test('gives the same through faults, at any parallelism', async () => {
    await testJob((out: unknown[]) => shops((sales) => sales.aggregate('totals', totals), out), { expected: EXPECTED })
  })

  test('fails naming node, record, column and what to do', async () => {
    const large = (one: Sale): number => Number(one.id)
    const made = shops((sales) => sales.aggregate('totals', aggregates({ id: sum(large) })))
    const { state, failure } = await runJobHere(made, { restart: { strategy: 'none' } })
    expect(state).toBe('failed')
    expect(failure?.code).toBe('USER_FUNCTION')
    expect(failure?.message).toMatch(
      /Node "totals" threw on .*shop: 'Cork', id: 9223372036854775808n, amount: 0\.1.*column "id": .*safe range.*select BigInt/,
    )
  })
})
