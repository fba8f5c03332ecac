// 11. Windows: a stream cut by event time. Each window gives its result once, when the watermark has passed its end; what comes
//     later still is not lost: it goes to a side output.
//
//    npx run-job jobs/tour/11-windows.ts

import {
  boundedOutOfOrderness,
  count,
  fromArray,
  job,
  minutes,
  seconds,
  sessionWindows,
  sideOutput,
  slidingWindows,
  sum,
  tumblingWindows,
} from 'millrace'
import { print } from 'millrace/connectors/print'

interface Sale {
  readonly till: string
  readonly cents: number
  /** When it was made, in seconds after the shop opened. */
  readonly at: number
}

// In the order in which they come, which is not the order in which they were made.
const SALES: readonly Sale[] = [
  { till: 'A', cents: 120, at: 5 },
  { till: 'B', cents: 250, at: 20 },
  { till: 'A', cents: 900, at: 58 },
  { till: 'B', cents: 310, at: 50 },
  { till: 'A', cents: 430, at: 75 },
  { till: 'A', cents: 640, at: 185 },
  { till: 'B', cents: 150, at: 190 },
]

const late = sideOutput<Sale>('late')
const time = (timestampMs: number): string => new Date(timestampMs).toISOString().slice(14, 19)

export default job('tour-windows', (flow) => {
  // A sale may come up to ten seconds after later ones.
  const watermarks = boundedOutOfOrderness<Sale>(seconds(10), { timestampOf: ({ at }) => seconds(at) })
  const tills = flow.from('sales', fromArray(SALES), { watermarks }).keyBy('till', ({ till }) => till)

  const perMinute = tills
    .window(tumblingWindows(minutes(1)))
    .lateRecords(late)
    .aggregate(
      'per-minute',
      sum(({ cents }) => cents),
      (till, { start, end }, cents) => `${time(start)}-${time(end)} till ${till}: ${cents} cents`,
    )
  perMinute.to('minutes', print())
  perMinute.side(late).to('late', print())

  // Each sale is in four windows, and is added to one accumulator all the same.
  tills
    .window(slidingWindows(minutes(2), seconds(30)))
    .aggregate('busy', count(), (till, { end }, n) => ({ till, end, n }))
    .filter('only-busy', ({ n }) => n >= 3)
    .map('busy-line', ({ till, end, n }) => `busy: till ${till} made ${n} sales in two minutes up to ${time(end)}`)
    .to('busy-tills', print())

  // A window for each stretch of work, closed by a minute of rest.
  tills
    .window(sessionWindows(minutes(1)))
    .process<string>('stretches', (sales, { key, window }, out) => {
      out.emit(`till ${key} worked from ${time(window.start)}: ${sales.map(({ cents }) => cents).join(' + ')}`)
    })
    .to('stretch-lines', print())
})
