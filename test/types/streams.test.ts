// Types flow from the source to the sink without a cast, and wrong use does not compile. Checked by tsc; the run is a formality.

import { map, toArray } from 'rxjs'
import { expectTypeOf, test } from 'vitest'
import { collect } from '../../src/connectors/collect/index.ts'
import { generate } from '../../src/connectors/generate/index.ts'
import { print } from '../../src/connectors/print/index.ts'
import {
  type Collector,
  CoProcessFunction,
  defineSource,
  type Flow,
  fromArray,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  type KeyedStream,
  ProcessFunction,
  type Settings,
  type Stream,
  sideOutput,
} from '../../src/index.ts'

interface Order {
  readonly id: number
  readonly customer: string
  readonly cents: number
}

type Event = { readonly kind: 'click'; readonly x: number } | { readonly kind: 'key'; readonly code: string }

class Total extends KeyedProcessFunction<string, Order, { customer: string; cents: number }> {
  readonly #cents = this.valueState<number>('cents')
  override process(
    order: Order,
    { key }: KeyedProcessContext<string>,
    out: Collector<{ customer: string; cents: number }>,
  ) {
    const cents = (this.#cents.get() ?? 0) + order.cents
    this.#cents.set(cents)
    out.emit({ customer: key, cents })
  }
}

class Lengths extends ProcessFunction<string, number> {
  override process(text: string, _context: unknown, out: Collector<number>): void {
    out.emit(text.length)
  }
}

class Lookup extends CoProcessFunction<string, Order, string, boolean> {
  override process1(order: Order, { key }: KeyedProcessContext<string>, out: Collector<boolean>): void {
    out.emit(order.customer === key)
  }
  override process2(): void {}
}

/** Never called: the compiler reads it. */
function wellTyped(flow: Flow, settings: Settings): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  expectTypeOf(orders).toEqualTypeOf<Stream<Order>>()
  expectTypeOf(flow.from('n', generate({ make: (index, rng) => ({ index, at: rng.next() }) }))).toEqualTypeOf<
    Stream<{ index: number; at: number }>
  >()
  expectTypeOf(
    flow.from(
      'd',
      defineSource({
        start: { page: 1 },
        read: ({ page }, limit) => ({ records: [`${page}/${limit}`], position: { page: page + 1 } }),
      }),
    ),
  ).toEqualTypeOf<Stream<string>>()

  expectTypeOf(orders.map('m', (order) => order.cents)).toEqualTypeOf<Stream<number>>()
  expectTypeOf(orders.flatMap('fm', (order) => [order.id, order.customer])).toEqualTypeOf<Stream<string | number>>()
  expectTypeOf(
    orders.flatMap('g', function* (order) {
      yield order.id
    }),
  ).toEqualTypeOf<Stream<number>>()
  expectTypeOf(orders.filter('f', (order) => order.cents > 0)).toEqualTypeOf<Stream<Order>>()

  const events = flow.from('events', fromArray<Event>([]))
  const isClick = (event: Event): event is Extract<Event, { kind: 'click' }> => event.kind === 'click'
  expectTypeOf(events.filter('clicks', isClick)).toEqualTypeOf<Stream<{ readonly kind: 'click'; readonly x: number }>>()
  expectTypeOf(
    events.filter('inferred', (event) => event.kind === 'key').map('code', (event) => event.code),
  ).toEqualTypeOf<Stream<string>>()
  const [clicks, keys] = events.split('kinds', isClick)
  expectTypeOf(clicks.map('x', (click) => click.x)).toEqualTypeOf<Stream<number>>()
  expectTypeOf(keys.map('c', (key) => key.code)).toEqualTypeOf<Stream<string>>()
  expectTypeOf(orders.split('s', (order) => order.cents > 0)).toEqualTypeOf<[Stream<Order>, Stream<Order>]>()

  const keyed = orders.keyBy('k', (order) => order.customer)
  expectTypeOf(keyed).toEqualTypeOf<KeyedStream<string, Order>>()
  expectTypeOf(keyed.process('p', new Total())).toEqualTypeOf<Stream<{ customer: string; cents: number }>>()
  expectTypeOf(keyed.process('pf', () => new Total())).toEqualTypeOf<Stream<{ customer: string; cents: number }>>()
  expectTypeOf(keyed.reduce('r', (total, order) => ({ ...order, cents: total.cents + order.cents }))).toEqualTypeOf<
    Stream<Order>
  >()
  expectTypeOf(
    keyed.aggregate('a', {
      create: () => 0,
      add: (order, count) => count + order.cents,
      result: (count) => `${count}`,
      merge: (a, b) => a + b,
    }),
  ).toEqualTypeOf<Stream<string>>()
  expectTypeOf(orders.keyBy('k2', (order) => [order.customer, order.id])).toEqualTypeOf<
    KeyedStream<readonly [string, number], Order>
  >()

  const names = flow.from('names', fromArray(['a'])).keyBy('kn', (name) => name)
  expectTypeOf(keyed.connect(names).process('c', new Lookup())).toEqualTypeOf<Stream<boolean>>()
  expectTypeOf(orders.union('u', events, clicks)).toEqualTypeOf<Stream<Order | Event>>()

  const late = sideOutput<Date>('late')
  const texts = orders.process<string>('l', (order, context, out) => {
    expectTypeOf(order).toEqualTypeOf<Order>()
    expectTypeOf(context.timestamp).toEqualTypeOf<number | undefined>()
    out.emit(order.customer)
    out.side(late, new Date())
  })
  expectTypeOf(texts).toEqualTypeOf<Stream<string>>()
  expectTypeOf(texts.side(late)).toEqualTypeOf<Stream<Date>>()
  expectTypeOf(texts.process('lengths', new Lengths())).toEqualTypeOf<Stream<number>>()
  expectTypeOf(texts.process('lengths2', () => new Lengths())).toEqualTypeOf<Stream<number>>()
  expectTypeOf(
    orders.rx('rx', (in$) =>
      in$.pipe(
        map((order) => order.id),
        toArray(),
      ),
    ),
  ).toEqualTypeOf<Stream<number[]>>()
  expectTypeOf(orders.broadcast().rebalance()).toEqualTypeOf<Stream<Order>>()
  expectTypeOf(orders.assignTimestamps('t', (order) => order.id)).toEqualTypeOf<Stream<Order>>()

  orders.to('print', print())
  const out: Order[] = []
  orders.to('collect', collect(out))
  const wider: (Order | string)[] = []
  orders.to('wider', collect<Order | string>(wider))

  expectTypeOf(settings.number('n', 1)).toEqualTypeOf<number>()
  expectTypeOf(settings.list('l')).toEqualTypeOf<readonly string[]>()
}

/** Never called: each line must not compile. */
function illTyped(flow: Flow): void {
  const orders = flow.from('orders', fromArray<Order>([]))
  const keyed = orders.keyBy('k', (order) => order.customer)

  // @ts-expect-error an order has no such field
  orders.map('m', (order) => order.price)
  // @ts-expect-error a number is not iterable
  orders.flatMap('fm', (order) => order.cents)
  // @ts-expect-error an object cannot be a key
  orders.keyBy('k', (order) => ({ id: order.id }))
  // @ts-expect-error a date cannot be a key
  orders.keyBy('k', () => new Date())
  // @ts-expect-error state needs a key
  orders.process('p', new Total())
  // @ts-expect-error a function of strings, a stream of orders
  orders.process('p', new Lengths())
  // @ts-expect-error nor by way of a factory
  orders.process('p', () => new Lengths())
  // @ts-expect-error a keyed stream takes keyed functions
  keyed.process('p', new Lengths())
  // @ts-expect-error the key of the function is a string, that of the stream a number
  orders.keyBy('k2', (order) => order.id).process('p', new Total())
  // @ts-expect-error keys of two streams must have one type
  keyed.connect(orders.keyBy('k3', (order) => order.id))
  // @ts-expect-error a keyed and an unkeyed stream
  keyed.connect(orders)
  // @ts-expect-error a reduction keeps the record's type
  keyed.reduce('r', (total, order) => total.cents + order.cents)
  // @ts-expect-error an array of strings takes no orders
  orders.to('out', collect<string>([]))
  // @ts-expect-error a stream of less than the sink needs
  orders.map('id', ({ id }) => ({ id })).to('out', collect<Order>([]))
  // @ts-expect-error a sink is not a function of records
  orders.to('out', new Lengths())
  // @ts-expect-error the name comes first
  orders.map((order) => order.id)
  orders.process<string>('p', (order, _context, out) => {
    // @ts-expect-error a string was said to come out
    out.emit(order.id)
  })
  // @ts-expect-error a setting's default has the setting's type
  job('j', (_flow, settings) => settings.number('n', 'one'))
}

test('types flow', () => {
  expectTypeOf(wellTyped).parameters.toEqualTypeOf<[Flow, Settings]>()
  expectTypeOf(illTyped).returns.toBeVoid()
})
