// Winning bids: of each auction the highest in time, of equal ones the earliest.

import { isAuction, isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q9', (events) =>
  events
    .filter('auctions', isAuction)
    .toChangelog()
    .join('bids-in-time', events.filter('bids', isBid).toChangelog(), {
      leftKey: ({ id }) => id,
      rightKey: ({ auction }) => auction,
      unique: 'left',
      on: ({ dateTime, expires }, bid) => dateTime <= bid.dateTime && bid.dateTime <= expires,
      row: (auction, bid) => ({ auction, bid }),
    })
    .topN('winning', {
      key: ({ auction }) => auction.id,
      n: 1,
      orderBy: ({ bid: a }, { bid: b }) => b.price - a.price || a.dateTime - b.dateTime || a.number - b.number,
    })
    .map('row', ({ auction: { type: _, ...auction }, bid }) => ({
      ...auction,
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      bid_dateTime: bid.dateTime,
      bid_extra: bid.extra,
    })),
)
