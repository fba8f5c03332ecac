// Types flow through windows without a cast, and wrong use does not compile. Checked by tsc; the run is a formality.

import { expectTypeOf, test } from 'vitest'
import {
  type AggregateFunction,
  type Collector,
  count,
  countTrigger,
  type Flow,
  fromArray,
  ProcessWindowFunction,
  type Stream,
  sessionWindows,
  sideOutput,
  sum,
  type TimeWindow,
  tumblingWindows,
  type WindowContext,
} from '../../src/index.ts'

interface Order {
  readonly customer: string
  readonly cents: number
}

class Listed extends ProcessWindowFunction<string, Order, number> {
  override process(orders: readonly Order[], { key }: WindowContext<string>, out: Collector<number>): void {
    expectTypeOf(orders[0]).toEqualTypeOf<Order | undefined>()
    expectTypeOf(key).toEqualTypeOf<string>()
    out.emit(orders.length)
  }
}

/** Never called: the compiler reads it. */
function wellTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  const windows = orders.keyBy('customer', ({ customer }) => customer).window(tumblingWindows(10))

  expectTypeOf(windows.aggregate('counts', count())).toEqualTypeOf<Stream<number>>()
  expectTypeOf(
    windows.aggregate(
      'rows',
      sum(({ cents }: Order) => cents),
      (key, window, total) => {
        expectTypeOf(key).toEqualTypeOf<string>()
        expectTypeOf(window).toEqualTypeOf<TimeWindow>()
        return { key, end: window.end, total }
      },
    ),
  ).toEqualTypeOf<Stream<{ key: string; end: number; total: number }>>()
  expectTypeOf(windows.reduce('largest', (a, b) => (a.cents > b.cents ? a : b))).toEqualTypeOf<Stream<Order>>()
  expectTypeOf(
    windows.reduce(
      'rows',
      (a) => a,
      (key, _window, { cents }) => [key, cents] as const,
    ),
  ).toEqualTypeOf<Stream<readonly [string, number]>>()
  expectTypeOf(windows.process('listed', () => new Listed())).toEqualTypeOf<Stream<number>>()
  expectTypeOf(
    windows.process<string>('lines', (values, { key }, out) => out.emit(`${key}: ${values[0]?.cents}`)),
  ).toEqualTypeOf<Stream<string>>()
  expectTypeOf(
    orders.windowAll(sessionWindows(({ cents }) => cents)).aggregate('all', count(), (_key, _window, n) => n),
  ).toEqualTypeOf<Stream<number>>()
  windows
    .allowedLateness(5)
    .lateRecords(sideOutput<Order>('late'))
    .trigger(countTrigger(3))
    .aggregate('n', count(), { parallelism: 2 })
}

/** Never called: the compiler reads it. */
function illTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  const windows = orders.keyBy('customer', ({ customer }) => customer).window(tumblingWindows(10))
  // @ts-expect-error windows of keys need a key
  orders.window(tumblingWindows(10))
  // @ts-expect-error an order has no such field
  orders.windowAll(sessionWindows((order: Order) => order.gap))
  // @ts-expect-error the records are orders
  windows.lateRecords(sideOutput<string>('late'))
  // @ts-expect-error a reduction keeps the record's type
  windows.reduce('largest', (a, b) => a.cents + b.cents)
  // @ts-expect-error an aggregation of strings
  windows.aggregate('lengths', {} as AggregateFunction<string, number, number>)
  const byCents = orders.keyBy('cents', ({ cents }) => cents).window(tumblingWindows(10))
  // @ts-expect-error the function takes keys that are strings
  byCents.process('listed', () => new Listed())
}

test('the compiler has read them', () => {
  expectTypeOf(wellTyped).parameters.toEqualTypeOf<[Flow]>()
  expectTypeOf(illTyped).parameters.toEqualTypeOf<[Flow]>()
})
