import { count, countDistinct } from 'millrace'
import type { Bid } from './generator/events.ts'

/** The day of a time, in UTC: 2015-07-15. */
export function dayOf({ dateTime }: Bid): string {
  return new Date(dateTime).toISOString().slice(0, 10)
}

const low = ({ price }: Bid): boolean => price < 10_000
const high = ({ price }: Bid): boolean => price >= 1_000_000
const middle = (bid: Bid): boolean => !low(bid) && !high(bid)

/** What is counted where a predicate holds: SQL's FILTER (WHERE …), for null does not count. */
const where = (holds: (bid: Bid) => boolean, value: (bid: Bid) => number) => (bid: Bid) =>
  holds(bid) ? value(bid) : null

/** How many bids, in all and by range of the price. */
export const bidCounts = {
  total_bids: count<Bid>(),
  rank1_bids: count(where(low, () => 1)),
  rank2_bids: count(where(middle, () => 1)),
  rank3_bids: count(where(high, () => 1)),
}

const bidder = (bid: Bid): number => bid.bidder
const auction = (bid: Bid): number => bid.auction

/** By how many bidders, for how many auctions. */
export const distinctCounts = {
  total_bidders: countDistinct(bidder),
  rank1_bidders: countDistinct(where(low, bidder)),
  rank2_bidders: countDistinct(where(middle, bidder)),
  rank3_bidders: countDistinct(where(high, bidder)),
  total_auctions: countDistinct(auction),
  rank1_auctions: countDistinct(where(low, auction)),
  rank2_auctions: countDistinct(where(middle, auction)),
  rank3_auctions: countDistinct(where(high, auction)),
}
