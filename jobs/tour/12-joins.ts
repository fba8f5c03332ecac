// 12. Joins: two streams, keyed alike, and a word for which of their records are partners. All of a key's records ever (unbounded), those
//     near in time (between), those of one window, or what was valid at the time (temporalJoin). State goes as soon as event time says
//     that nothing can come for it any more.
//
//     npx run-job jobs/tour/12-joins.ts

import { fromArray, job, minutes, monotonousTimestamps, seconds, tumblingWindows } from 'millrace'
import { print } from 'millrace/connectors/print'

const at = (time: string): number => Date.parse(`2026-01-01T${time}Z`)
const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 19)

const ORDERS = [
  { id: 1, customer: 'Ada', currency: 'EUR', amount: 20, at: at('10:00:00') },
  { id: 2, customer: 'Bo', currency: 'USD', amount: 50, at: at('10:00:30') },
  { id: 3, customer: 'Ada', currency: 'USD', amount: 10, at: at('10:05:00') },
]
const PAYMENTS = [
  { order: 1, at: at('10:00:40') },
  { order: 3, at: at('10:05:20') },
  { order: 2, at: at('10:06:00') },
]
const RATES = [
  { currency: 'EUR', toKroner: 7.5, at: at('09:00:00') },
  { currency: 'USD', toKroner: 6.9, at: at('09:00:00') },
  { currency: 'USD', toKroner: 7.1, at: at('10:03:00') },
]
const CUSTOMERS = [
  { name: 'Ada', town: 'London' },
  { name: 'Bo', town: 'Lund' },
]

const timed = { watermarks: monotonousTimestamps<{ at: number }>({ timestampOf: (record) => record.at }) }

export default job('tour-joins', (flow) => {
  const orders = flow.from('orders', fromArray(ORDERS), timed)
  const payments = flow.from('payments', fromArray(PAYMENTS), timed)
  const rates = flow.from('rates', fromArray(RATES), timed)
  const customers = flow.from('customers', fromArray(CUSTOMERS))
  const ordersById = orders.keyBy('by-id', ({ id }) => id)
  const paymentsByOrder = payments.keyBy('by-order', ({ order }) => order)

  // Every order with its customer, whichever comes first. One record per customer is said to come: orders need not be kept behind it.
  const shipments = orders
    .keyBy('by-customer', ({ customer }) => customer)
    .join(customers.keyBy('by-name', ({ name }) => name))
    .unbounded({ right: { one: true, keep: ({ town }) => town } })
    .apply('ship', ({ id, customer }, town) => `order ${id} goes to ${customer} in ${town}`)

  // An order is paid within a minute, or it is told that it was not: as soon as no payment in time can come.
  const reminders = ordersById
    .join(paymentsByOrder)
    .between(0, seconds(60), { type: 'left' })
    .apply('paid-in-time', ({ id }, payment) =>
      payment === undefined ? `order ${id} was not paid in a minute` : `order ${id} was paid at ${clock(payment.at)}`,
    )

  // What was ordered and paid in the same five minutes.
  const sameWindow = ordersById
    .join(paymentsByOrder)
    .window(tumblingWindows(minutes(5)))
    .apply('same-window', ({ id }, _payment, { start }) => `order ${id}: all in the five minutes from ${clock(start)}`)

  // Each amount at the rate of its time, which need not be the latest one.
  const kroner = orders
    .keyBy('by-currency', ({ currency }) => currency)
    .temporalJoin(rates.keyBy('of-currency', ({ currency }) => currency))
    .apply(
      'in-kroner',
      ({ id, amount }, { toKroner }) => `order ${id} is worth ${(amount * toKroner).toFixed(2)} kroner`,
    )

  shipments.union('all', reminders, sameWindow, kroner).to('terminal', print())
})
