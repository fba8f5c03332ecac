// Currency conversion: every bid, with its price times 0.908 as an exact decimal.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'
import { thousandths } from './thousandths.ts'

export default query('q1', (events) =>
  events.filter('bids', isBid).map('row', ({ auction, bidder, price, dateTime, extra }) => ({
    auction,
    bidder,
    price: thousandths(price * 908),
    dateTime,
    extra,
  })),
)
