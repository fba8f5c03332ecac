// Average selling price by seller: over the winning bids of their ten auctions that end last.

import { avg } from 'millrace'
import { query } from './query.ts'
import { winningBids } from './winning-bids.ts'

export default query('q6', (events) =>
  winningBids(events)
    .topN('last-ten', {
      key: ({ auction }) => auction.seller,
      n: 10,
      orderBy: ({ auction: a }, { auction: b }) => b.expires - a.expires || b.id - a.id,
    })
    .groupBy('seller', ({ auction }) => auction.seller)
    .aggregate(
      'average',
      avg(({ bid }) => BigInt(bid.price)),
      (seller, price) => ({ seller, avg_price: Number(price) }),
    ),
)
