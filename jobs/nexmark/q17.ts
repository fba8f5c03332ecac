// Auction statistics: how many bids an auction got in a day, and what they were.

import { aggregates, avg, max, min, sum } from 'millrace'
import { bidCounts, dayOf } from './bid-statistics.ts'
import { type Bid, isBid } from './generator/events.ts'
import { query } from './query.ts'

const price = (bid: Bid): number => bid.price

export default query('q17', (events) =>
  events
    .filter('bids', isBid)
    .toChangelog()
    .groupBy('auction-and-day', (bid) => [bid.auction, dayOf(bid)])
    .aggregate(
      'statistics',
      aggregates({
        ...bidCounts,
        min_price: min(price),
        max_price: max(price),
        // SQL's average of whole numbers is whole: so is that of bigints.
        average: avg((bid: Bid) => BigInt(bid.price)),
        sum_price: sum(price),
      }),
      ([auction, day], { average, sum_price, ...counts }) => ({
        auction,
        day,
        ...counts,
        avg_price: Number(average),
        sum_price,
      }),
    ),
)
