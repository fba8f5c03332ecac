import type { Bid } from './generator/events.ts'

/** A bid as it is in results: without its type and number. */
export function bidRow({ auction, bidder, price, channel, url, dateTime, extra }: Bid): Omit<Bid, 'type' | 'number'> {
  return { auction, bidder, price, channel, url, dateTime, extra }
}
