// Selection: the bids for some auctions.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q2', (events) =>
  events
    .filter('bids', isBid)
    .filter('some', ({ auction }) => auction % 123 === 0)
    .map('row', ({ auction, price }) => ({ auction, price })),
)
