// testNode: what it lets through and, more to the point, what it finds.

import {
  type Collector,
  CoProcessFunction,
  fromArray,
  type Job,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  type OnTimerContext,
  type ProcessContext,
  ProcessFunction,
  type Stream,
  sideOutput,
} from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { describe, expect, it } from 'vitest'
import { at, elapse, second, testNode, watermark } from '../../../runtime/testing/index.ts'

interface Order {
  readonly customer: number
  readonly cents: number
}

/** A job around one node. */
function around<T>(attach: (orders: Stream<Order>) => Stream<T>): Job {
  return job('shop', (flow) => attach(flow.from('orders', fromArray<Order>([]))).to('out', collect<T>([])))
}

const ORDERS: readonly Order[] = [
  { customer: 1, cents: 5 },
  { customer: 2, cents: 7 },
  { customer: 1, cents: 10 },
]
const LATE = sideOutput<Order>('late')

class Totals extends KeyedProcessFunction<number, Order, string> {
  readonly #sum = this.valueState<number>('sum')

  override process(order: Order, { key }: KeyedProcessContext<number>, out: Collector<string>): void {
    const cents = (this.#sum.get() ?? 0) + order.cents
    this.#sum.set(cents)
    out.emit(`${key}: ${cents}`)
  }
}

/** Counts in a field what belongs into state. */
class Forgetful extends KeyedProcessFunction<number, Order, string> {
  #seen = 0

  override process(_order: Order, { key }: KeyedProcessContext<number>, out: Collector<string>): void {
    this.#seen += 1
    out.emit(`${key}: ${this.#seen}`)
  }
}

class Alarm extends KeyedProcessFunction<number, Order, string> {
  override process(order: Order, { timestamp, timers }: KeyedProcessContext<number>, out: Collector<string>): void {
    if (timestamp !== undefined && timestamp <= timers.currentWatermark()) return out.side(LATE, order)
    timers.registerEventTimeTimer((timestamp ?? 0) + 100)
    timers.registerProcessingTimeTimer(timers.currentProcessingTime() + 1_000)
  }

  override onTimer(timestampMs: number, { key, domain }: OnTimerContext<number>, out: Collector<string>): void {
    out.emitAt(`${domain} ${key}`, timestampMs)
  }
}

class Match extends CoProcessFunction<number, Order, Order, string> {
  readonly #left = this.listState<number>('left')

  override process1(order: Order): void {
    this.#left.add(order.cents)
  }

  override process2(order: Order, { key }: KeyedProcessContext<number>, out: Collector<string>): void {
    out.emit(`${key}: ${this.#left.get().join('+')} | ${order.cents}`)
  }
}

class Mutating extends ProcessFunction<Order, number> {
  #last: Order | undefined

  override process(order: Order, _context: ProcessContext, out: Collector<number>): void {
    out.emit(order.cents + (this.#last?.cents ?? 0))
    this.#last = order
  }
}

const totals = around((orders) =>
  orders.keyBy('customer', (order) => order.customer).process('totals', () => new Totals()),
)
const forgetful = around((orders) =>
  orders.keyBy('customer', (order) => order.customer).process('count', () => new Forgetful()),
)

describe('testNode', () => {
  it('runs a stateless node', () =>
    testNode(
      around((orders) => orders.map('cents', (order) => order.cents)),
      'cents',
      { input: ORDERS, expected: [5, 7, 10] },
    ))

  it('runs a keyed node, with the keys of the keyBy before it', () =>
    testNode(totals, 'totals', { input: ORDERS, expected: ['1: 5', '2: 7', '1: 15'] }))

  it('runs event-time and processing-time timers and reads side outputs', () =>
    testNode(
      around((orders) => orders.keyBy('customer', (order) => order.customer).process('alarm', () => new Alarm())),
      'alarm',
      {
        input: [at(50, ORDERS[0]), at(80, ORDERS[1]), watermark(150), at(10, ORDERS[2]), elapse(999), elapse(1)],
        expected: [at(150, 'event 1'), at(1_000, 'processing 1'), at(1_000, 'processing 2')],
        sides: { late: [ORDERS[2]] },
        anyOrder: true,
        end: false,
      },
    ))

  it('lets event time end with the input', () =>
    testNode(
      around((orders) => orders.keyBy('customer', (order) => order.customer).process('alarm', () => new Alarm())),
      'alarm',
      { input: [at(80, ORDERS[1]), at(50, ORDERS[0])], expected: ['event 1', 'event 2'] },
    ))

  it('feeds both inputs of a node', () => {
    const both = around((orders) => {
      const left = orders.keyBy('left', (order) => order.customer)
      return left.connect(orders.keyBy('right', (order) => order.customer)).process('match', () => new Match())
    })
    return testNode(both, 'match', {
      input: [ORDERS[0], ORDERS[2], second({ customer: 1, cents: 3 }), second({ customer: 9, cents: 4 })],
      expected: ['1: 5+10 | 3', '9:  | 4'],
    })
  })

  it('finds what is kept in a field instead of state: only the restored run differs', async () => {
    const test = testNode(forgetful, 'count', { input: ORDERS, expected: ['1: 1', '2: 2', '1: 3'] })
    await expect(test).rejects.toThrow(
      [
        'Node "count" of job "shop"',
        'restored after each step: main output: 3 records expected, 3 came; they differ from record 2 on (- expected, + actual):',
        "    '1: 1'",
        "  - '2: 2'",
        "  - '1: 3'",
        "  + '2: 1'",
        "  + '1: 1'",
      ].join('\n'),
    )
  })

  it('tells the difference in every way in which there is one', async () => {
    const test = testNode(totals, 'totals', { input: ORDERS, expected: ['1: 5'] })
    await expect(test).rejects.toThrow(/singly: .*in bulk: .*restored after each step: .*narrow: /s)
  })

  it('runs only the ways that are asked for', () =>
    testNode(
      around((orders) => orders.process('mutating', () => new Mutating())),
      'mutating',
      { input: ORDERS, expected: [5, 12, 17], ways: ['singly', 'in bulk', 'narrow'] },
    ))

  it('names the node and the operators there are', async () => {
    await expect(testNode(totals, 'total', { input: [], expected: [] })).rejects.toThrow(
      'Job "shop" has no node "total". Its operators: customer, totals.',
    )
    await expect(testNode(totals, 'orders', { input: [], expected: [] })).rejects.toThrow(
      'has a source, not an operator',
    )
  })

  it('tells what a function threw', async () => {
    const throwing = around((orders) =>
      orders.map('fail', () => {
        throw new Error('no such customer')
      }),
    )
    await expect(testNode(throwing, 'fail', { input: ORDERS, expected: [] })).rejects.toThrow(
      /singly: it threw: .*no such customer/,
    )
  })
})

/** Emits one object again and again, changed in between: whoever keeps what came sees the last of it everywhere. */
class SameObject extends ProcessFunction<Order, { cents: number }> {
  readonly #row = { cents: 0 }

  override process(order: Order, _context: ProcessContext, out: Collector<{ cents: number }>): void {
    this.#row.cents = order.cents
    out.emit(this.#row)
  }
}

it('finds a record that is changed after it was emitted', async () => {
  const reused = around((orders) => orders.process('rows', () => new SameObject()))
  const expected = ORDERS.map(({ cents }) => ({ cents }))
  await expect(testNode(reused, 'rows', { input: ORDERS, expected })).rejects.toThrow(
    /singly: it threw: .*rows.*read only/,
  )
})
