// Aggregates know their types: what is selected decides the result, and a row has the columns it was given. Checked by tsc.

import { expectTypeOf, test } from 'vitest'
import {
  type AggregateFunction,
  aggregates,
  avg,
  collectList,
  count,
  countDistinct,
  Decimal,
  type ElementOf,
  type Flow,
  first,
  fromArray,
  KeyedProcessFunction,
  last,
  max,
  maxBy,
  min,
  minBy,
  type RetractableAggregateFunction,
  type Stream,
  sum,
} from '../../src/index.ts'

interface Bid {
  readonly auction: number
  readonly price: bigint
  readonly fee: Decimal
  readonly weight: number | null
  readonly channel: 'web' | 'app'
  readonly at?: Date
}

type ResultOf<Fn> = Fn extends AggregateFunction<Bid, infer _Acc, infer Out> ? Out : never

/** Never called: the compiler reads it. */
function wellTyped(flow: Flow): void {
  const bids = flow.from('bids', fromArray<Bid>([])).keyBy('auction', (bid) => bid.auction)

  // The record's type comes from the stream, the row's from its columns.
  const rows = bids.aggregate(
    'row',
    aggregates({
      auction: first((bid) => bid.auction),
      bids: count(),
      total: sum((bid) => bid.price),
      fee: avg((bid) => bid.fee, { scale: 2 }),
      weight: sum((bid) => bid.weight),
      channels: countDistinct((bid) => bid.channel),
      lowest: min((bid) => bid.channel),
      latest: max((bid) => bid.at),
      best: maxBy((bid) => bid.price),
      lightest: minBy((bid) => bid.weight),
      last: last(),
      prices: collectList((bid) => bid.price),
      all: collectList(),
    }),
  )
  expectTypeOf<ElementOf<typeof rows>>().toEqualTypeOf<{
    readonly auction: number
    readonly bids: number
    readonly total: bigint
    readonly fee: Decimal
    readonly weight: number | null
    readonly channels: number
    readonly lowest: 'web' | 'app'
    readonly latest: Date | null
    readonly best: Bid
    readonly lightest: Bid | null
    readonly last: Bid
    readonly prices: bigint[]
    readonly all: Bid[]
  }>()
  expectTypeOf(
    bids.aggregate(
      'sum',
      sum((bid) => bid.price),
    ),
  ).toEqualTypeOf<Stream<bigint>>()
  expectTypeOf(
    bids.aggregate(
      'max',
      max((bid) => bid.weight),
    ),
  ).toEqualTypeOf<Stream<number | null>>()
  expectTypeOf(bids.aggregate('count', count())).toEqualTypeOf<Stream<number>>()
  expectTypeOf(
    bids.aggregate(
      'best',
      maxBy((bid) => bid.price),
    ),
  ).toEqualTypeOf<Stream<Bid>>()

  const wrong = {
    // @ts-expect-error a channel cannot be added up
    channel: sum((bid: Bid) => bid.channel),
    // @ts-expect-error a bid has no order
    bid: max((bid: Bid) => bid),
  }
  // @ts-expect-error bids have no amount
  bids.aggregate('row', aggregates({ total: sum((bid) => bid.amount), ...wrong }))
}

class Prices extends KeyedProcessFunction<number, Bid, bigint> {
  readonly #total = this.aggregatingState(
    'total',
    sum((bid: Bid) => bid.price),
  )
  override process(bid: Bid): void {
    this.#total.add(bid)
    expectTypeOf(this.#total.get()).toEqualTypeOf<bigint | undefined>()
  }
}

test('compiles', () => {
  expectTypeOf(wellTyped).toBeFunction()
  expectTypeOf<Prices>().toBeObject()
  expectTypeOf<ResultOf<ReturnType<typeof count<Bid>>>>().toEqualTypeOf<number>()
  expectTypeOf(new Decimal(1).plus(1)).toEqualTypeOf<Decimal>()
  // A count takes back what it counted as it is; a sum has a form that does.
  expectTypeOf(count<Bid>()).toExtend<RetractableAggregateFunction<Bid, number, number>>()
  expectTypeOf(sum((bid: Bid) => bid.price)).toExtend<{
    retractable?(): RetractableAggregateFunction<Bid, unknown, bigint>
  }>()
})
