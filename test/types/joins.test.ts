// Types of joins, asynchronous calls and broadcast state: from both streams to the row, without a cast. Checked by tsc.

import { expectTypeOf, test } from 'vitest'
import { collect } from '../../src/connectors/collect/index.ts'
import {
  BroadcastProcessFunction,
  type Collector,
  type Flow,
  fromArray,
  KeyedBroadcastProcessFunction,
  type KeyedProcessContext,
  type Stream,
  sideOutput,
  type TimeWindow,
  tumblingWindows,
} from '../../src/index.ts'

interface Order {
  readonly id: number
  readonly customer: string
}

interface Payment {
  readonly order: number
  readonly cents: number
}

class Greetings extends BroadcastProcessFunction<Order, string, boolean> {
  readonly #all = this.broadcastState<string, number>('all')
  override process({ customer }: Order, _context: unknown, out: Collector<boolean>): void {
    expectTypeOf(this.#all.get(customer)).toEqualTypeOf<number | undefined>()
    out.emit(this.#all.has(customer))
  }
  override processBroadcast(name: string): void {
    this.#all.set(name, 1)
  }
}

class KeyedGreetings extends KeyedBroadcastProcessFunction<number, Order, string, number> {
  readonly #count = this.valueState<number>('count')
  override process(_order: Order, { key }: KeyedProcessContext<number>, out: Collector<number>): void {
    out.emit(key + (this.#count.get() ?? 0))
  }
  override processBroadcast(): void {}
}

/** Never called: the compiler reads it. */
function wellTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  const payments = flow.from('payments', fromArray<Payment>([]))
  const byId = orders.keyBy('id', ({ id }) => id)
  const byOrder = payments.keyBy('order', ({ order }) => order)
  const joined = byId.join(byOrder)

  const all = joined.unbounded().apply('all', (order, payment) => {
    expectTypeOf(order).toEqualTypeOf<Order>()
    expectTypeOf(payment).toEqualTypeOf<Payment>()
    return { ...order, cents: payment.cents }
  })
  expectTypeOf(all).toEqualTypeOf<Stream<{ cents: number; id: number; customer: string }>>()
  joined
    .unbounded({
      left: { one: true, keep: ({ id, customer }) => (id > 0 ? customer : undefined) },
      right: { keep: ({ cents }) => (cents > 0 ? { cents } : null) },
    })
    .apply('kept', (customer, payment) => {
      expectTypeOf(customer).toEqualTypeOf<string>()
      expectTypeOf(payment).toEqualTypeOf<{ cents: number }>()
    })

  const late = sideOutput<Order>('late')
  const inner = joined.between(0, 10, { lateLeft: late }).apply('inner', (order, payment) => {
    expectTypeOf(order).toEqualTypeOf<Order>()
    expectTypeOf(payment).toEqualTypeOf<Payment>()
    return payment.cents
  })
  expectTypeOf(inner).toEqualTypeOf<Stream<number>>()
  joined.between(0, 10, { type: 'left' }).apply('left', (order, payment) => {
    expectTypeOf(order).toEqualTypeOf<Order>()
    expectTypeOf(payment).toEqualTypeOf<Payment | undefined>()
  })
  joined.between(0, 10, { type: 'full' }).apply('full', (order, payment) => {
    expectTypeOf(order).toEqualTypeOf<Order | undefined>()
    expectTypeOf(payment).toEqualTypeOf<Payment | undefined>()
  })
  joined.window(tumblingWindows(10), { type: 'right' }).apply('window', (order, payment, window) => {
    expectTypeOf(order).toEqualTypeOf<Order | undefined>()
    expectTypeOf(payment).toEqualTypeOf<Payment>()
    expectTypeOf(window).toEqualTypeOf<TimeWindow>()
  })
  byId.temporalJoin(byOrder).apply('temporal', (order, payment) => {
    expectTypeOf(order).toEqualTypeOf<Order>()
    expectTypeOf(payment).toEqualTypeOf<Payment>()
  })
  byId
    .temporalJoin(byOrder, { type: 'left', version: ({ cents }) => (cents > 0 ? cents : null) })
    .apply('version', (_order, cents) => {
      expectTypeOf(cents).toEqualTypeOf<number | undefined>()
    })

  expectTypeOf(orders.orderedAsync('ordered', async ({ id }) => `${id}`)).toEqualTypeOf<Stream<string>>()
  expectTypeOf(
    orders.unorderedAsync('unordered', async ({ id }, { signal, attempt }) => (signal.aborted ? attempt : id), {
      capacity: 5,
      onTimeout: ({ id }) => id,
    }),
  ).toEqualTypeOf<Stream<number>>()
  const looked = orders.lookupJoin(
    'one',
    { key: ({ customer }) => customer, lookup: async (name) => (name === '' ? undefined : { town: name }) },
    (order, { town }) => `${order.id} ${town}`,
  )
  expectTypeOf(looked).toEqualTypeOf<Stream<string>>()
  orders.lookupJoin(
    'many',
    { key: ({ id }) => id, type: 'left', lookupMany: async (ids) => ids.map((id) => ({ id })) },
    (_order, row) => {
      expectTypeOf(row).toEqualTypeOf<{ id: number } | undefined>()
    },
  )

  const names = flow.from('names', fromArray<string>([]))
  expectTypeOf(orders.connectBroadcast(names).process('greet', () => new Greetings())).toEqualTypeOf<Stream<boolean>>()
  expectTypeOf(byId.connectBroadcast(names).process('keyed', () => new KeyedGreetings())).toEqualTypeOf<
    Stream<number>
  >()
  all.to('out', collect<object>([]))
}

/** Never called: each line must not compile. */
function illTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  const byId = orders.keyBy('id', ({ id }) => id)
  const byCustomer = orders.keyBy('customer', ({ customer }) => customer)
  const names = flow.from('names', fromArray<string>([]))

  // @ts-expect-error keys of two streams must have one type
  byId.join(byCustomer)
  // @ts-expect-error a stream without a key
  byId.join(orders)
  const outer = byId.join(byId).between(0, 1, { type: 'left' })
  // @ts-expect-error an order that is not there has no number
  outer.apply('outer', (_a, b) => b.id)
  // @ts-expect-error the rows of unbounded outer joins would be taken back: that is what changelogs are for
  byId.join(byId).unbounded({ type: 'left' })
  // @ts-expect-error a full temporal join is none
  byId.temporalJoin(byId, { type: 'full' })
  // @ts-expect-error an answer comes later
  orders.orderedAsync('sync', ({ id }) => id)
  // @ts-expect-error neither way of looking up
  orders.lookupJoin('none', { key: ({ id }) => id }, (order) => order)
  // @ts-expect-error a function of numbers, a stream of names
  orders.connectBroadcast(flow.from('n', fromArray([1]))).process('greet', () => new Greetings())
  // @ts-expect-error the function has keyed state, the stream no key
  orders.connectBroadcast(names).process('keyed', () => new KeyedGreetings())
}

test('types flow', () => {
  expectTypeOf(wellTyped).parameters.toEqualTypeOf<[Flow]>()
  expectTypeOf(illTyped).returns.toBeVoid()
})
