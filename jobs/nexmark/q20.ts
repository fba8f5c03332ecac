// Bids with their auction, where that is of category 10: the widest rows and, of the joins, the largest state.

import { isAuction, isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q20', (events) => {
  const bids = events.filter('bids', isBid)
  return events
    .filter('auctions', isAuction)
    .keyBy('by-id', ({ id }) => id)
    .join(bids.keyBy('by-auction', ({ auction }) => auction))
    .unbounded({ left: { one: true, keep: (auction) => (auction.category === 10 ? auction : undefined) } })
    .apply('expanded-bids', (auction, bid) => ({
      auction: bid.auction,
      bidder: bid.bidder,
      price: bid.price,
      channel: bid.channel,
      url: bid.url,
      bid_dateTime: bid.dateTime,
      bid_extra: bid.extra,
      itemName: auction.itemName,
      description: auction.description,
      initialBid: auction.initialBid,
      reserve: auction.reserve,
      auction_dateTime: auction.dateTime,
      expires: auction.expires,
      seller: auction.seller,
      category: auction.category,
      auction_extra: auction.extra,
    }))
})
