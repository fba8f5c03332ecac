// Calculation: the bids of a middling price, converted, with the part of the day in which they were made.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'
import { thousandths } from './thousandths.ts'

function partOfDay(dateTime: number): string {
  const hour = new Date(dateTime).getUTCHours()
  if (hour >= 8 && hour <= 18) return 'dayTime'
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime'
}

export default query('q14', (events) =>
  events
    .filter('bids', isBid)
    // In thousandths, whole numbers: 0.908 × price is between one and fifty million.
    .filter('middling', ({ price }) => price * 908 > 1_000_000_000 && price * 908 < 50_000_000_000)
    .map('row', ({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: thousandths(price * 908),
      bidTimeType: partOfDay(dateTime),
      dateTime,
      extra,
    })),
)
