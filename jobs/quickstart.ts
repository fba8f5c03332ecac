// A shop's orders, read in full and then followed as they change; what each customer has spent, kept in state; a report table.
// Kill it at any moment and run it again: the report comes out the same.

import { join } from 'node:path'
import { type Change, type Collector, job, KeyedProcessFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { sqliteChanges, sqliteTable } from 'millrace/connectors/sqlite'
import { checkReport, openShop, Shopping } from './quickstart/shop.ts'

interface Order {
  readonly id: number
  readonly customer_id: number
  readonly cents: number
  readonly status: 'paid' | 'cancelled'
}

interface Customer {
  readonly id: number
}

interface Delta {
  readonly customer: number
  readonly orders: number
  readonly cents: number
}

/** What a change of one order takes from a customer and gives to a customer (another one, perhaps). Only paid orders count. */
function deltas({ before, after }: Change<Order>): Delta[] {
  const out: Delta[] = []
  if (before?.status === 'paid') out.push({ customer: before.customer_id, orders: -1, cents: -before.cents })
  if (after?.status === 'paid') out.push({ customer: after.customer_id, orders: 1, cents: after.cents })
  return out
}

interface Total {
  readonly customer_id: number
  readonly orders: number
  readonly cents: number
}

/** The running total of each customer; every change of it goes out. */
class CustomerTotals extends KeyedProcessFunction<number, Delta, Total> {
  readonly #total = this.valueState<Total>('total')

  override process(delta: Delta, { key }: { key: number }, out: Collector<Total>): void {
    const { orders, cents } = this.#total.get() ?? { orders: 0, cents: 0 }
    const total = { customer_id: key, orders: orders + delta.orders, cents: cents + delta.cents }
    this.#total.set(total)
    out.emit(total)
  }
}

export default job('quickstart', (flow, settings) => {
  const file = join(settings.dataDir, 'quickstart-shop.db')
  const report = join(settings.dataDir, 'quickstart-report.db')
  const count = { min: 0, integer: true }
  const orders = settings.number('orders', 100_000, count)
  const changes = settings.number('changes', 20_000, count)
  const customers = settings.number('customers', 1_000, { min: 1, integer: true })
  const shop = { file, orders, customers, seed: settings.number('seed', 1, count) }
  flow.onStart(() => openShop(shop))

  // Steps are taken in order, whatever the parallelism of the rest.
  const one = { parallelism: 1 }
  flow
    .from('shopping', generate({ count: changes, perSecond: settings.number('rate', 5_000), make: (i) => i + 1 }), one)
    .to('shop', new Shopping(shop), one)

  // Every customer begins with nothing, so that one whose orders are all gone has a row like one who never ordered.
  const beginnings = flow
    .from('customers', sqliteChanges<Customer>({ file, tables: ['customers'], startup: 'snapshot' }), one)
    .flatMap('beginnings', ({ after }): Delta[] => (after ? [{ customer: after.id, orders: 0, cents: 0 }] : []))

  flow
    .from(
      'orders',
      sqliteChanges<Order>({ file, tables: ['orders'], stopWhen: `SELECT step >= ${changes} FROM shopping` }),
      { parallelism: 2 },
    )
    .flatMap('deltas', deltas)
    .union('all', beginnings)
    .keyBy('customer', (delta) => delta.customer)
    .process('totals', new CustomerTotals())
    .to('report', sqliteTable({ file: report, table: 'customer_totals', key: ['customer_id'], create: true }))

  flow.onFinished(() => {
    process.stdout.write(`report sha256 ${checkReport(file, report)}\n`)
  })
})
