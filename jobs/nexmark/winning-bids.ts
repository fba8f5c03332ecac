import type { ChangelogStream, Stream } from 'millrace'
import { type Auction, type AuctionEvent, type Bid, isAuction, isBid } from './generator/events.ts'

/** An auction with the best of its bids so far. */
export interface WinningBid {
  readonly auction: Auction
  readonly bid: Bid
}

/** Of each auction the highest bid in its time, of equal ones the earliest; as changes, for better ones may come. */
export function winningBids(events: Stream<AuctionEvent>): ChangelogStream<WinningBid> {
  return events
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
}
