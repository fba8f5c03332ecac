// Pass-through: every bid, without where it came from.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q0', (events) =>
  events
    .filter('bids', isBid)
    .map('row', ({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })),
)
