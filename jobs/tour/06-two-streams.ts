// 6. Two streams into one function: records of one key meet in its state, whichever comes first. Here orders wait for their payment.
//
//    npx run-job jobs/tour/06-two-streams.ts

import { type Collector, CoProcessFunction, job, type KeyedProcessContext } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Order {
  readonly id: number
  readonly item: string
}

interface Payment {
  readonly order: number
  readonly cents: number
}

class PaidOrders extends CoProcessFunction<number, Order, Payment, string> {
  readonly #order = this.valueState<Order>('order')
  readonly #payment = this.valueState<Payment>('payment')

  override process1(order: Order, context: KeyedProcessContext<number>, out: Collector<string>): void {
    this.#order.set(order)
    this.#ship(context.key, out)
  }

  override process2(payment: Payment, context: KeyedProcessContext<number>, out: Collector<string>): void {
    this.#payment.set(payment)
    this.#ship(context.key, out)
  }

  #ship(id: number, out: Collector<string>): void {
    const order = this.#order.get()
    const payment = this.#payment.get()
    if (order === undefined || payment === undefined) return
    out.emit(`order ${id}: ship ${order.item}, ${payment.cents} cents are paid`)
    this.#order.clear()
    this.#payment.clear()
  }
}

const ITEMS = ['tea', 'rice', 'soap', 'ink']

export default job('tour-two-streams', (flow) => {
  const orders = flow.from(
    'orders',
    generate({ count: 12, make: (id, rng): Order => ({ id, item: ITEMS[rng.int(4)] ?? '' }) }),
  )
  // Payments come in another order, and the last three never.
  const payments = flow.from(
    'payments',
    generate({ count: 9, make: (i, rng): Payment => ({ order: 8 - i, cents: rng.int(5_000) }) }),
  )

  orders
    .keyBy('by-id', (order) => order.id)
    .connect(payments.keyBy('by-order', (payment) => payment.order))
    .process('paid', new PaidOrders())
    .to('terminal', print())
})
