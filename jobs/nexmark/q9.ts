// Winning bids, with their auctions.

import { query } from './query.ts'
import { winningBids } from './winning-bids.ts'

export default query('q9', (events) =>
  winningBids(events).map('row', ({ auction: { type: _, ...auction }, bid }) => ({
    ...auction,
    auction: bid.auction,
    bidder: bid.bidder,
    price: bid.price,
    bid_dateTime: bid.dateTime,
    bid_extra: bid.extra,
  })),
)
