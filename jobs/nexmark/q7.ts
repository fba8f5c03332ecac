// Highest bid: the bids whose price is the highest of their ten seconds. Both ends of these belong to them.

import { max, seconds, tumblingWindows } from 'millrace'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

const SIZE = seconds(10)

export default query('q7', (events) => {
  const bids = events.filter('bids', isBid)
  return (
    bids
      .windowAll(tumblingWindows(SIZE))
      .aggregate(
        'highest',
        max(({ price }) => price),
      )
      .keyBy('highest-price', (price) => price)
      .join(bids.keyBy('price', ({ price }) => price))
      // The highest price has the last ms of its window: the bids are from its first to the first of the next.
      .between(1 - SIZE, 1)
      .apply('row', (_price, { auction, price, bidder, dateTime, extra }) => ({
        auction,
        price,
        bidder,
        dateTime,
        extra,
      }))
  )
})
