// What the results of the queries that rank bids are, over arrays: loops that anybody can check.

import type { Auction, Bid } from '../../../jobs/nexmark/generator/events.ts'
import type { House } from './models.ts'

const lines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** Truncated, as SQL's average of whole numbers is. */
const average = (numbers: readonly number[]): number => Math.trunc(numbers.reduce((a, b) => a + b, 0) / numbers.length)

function grouped<T>(values: readonly T[], by: (value: T) => string | number): T[][] {
  const groups = new Map<string | number, T[]>()
  for (const value of values) groups.set(by(value), [...(groups.get(by(value)) ?? []), value])
  return [...groups.values()]
}

interface Sale {
  readonly auction: Auction
  readonly bid: Bid
}

/** The winning bid of each auction that has one. Arrays are in stream order, and sorting keeps that of equals. */
function sales({ auctions, bids }: House): Sale[] {
  return auctions.flatMap((auction) => {
    const { id, dateTime, expires } = auction
    const inTime = bids.filter((bid) => bid.auction === id && dateTime <= bid.dateTime && bid.dateTime <= expires)
    const [bid] = inTime.sort((a, b) => b.price - a.price || a.dateTime - b.dateTime)
    return bid === undefined ? [] : [{ auction, bid }]
  })
}

export function q4(house: House): string[] {
  const byCategory = grouped(sales(house), ({ auction }) => auction.category)
  return lines(
    byCategory.map((own) => ({
      category: own[0]?.auction.category,
      final: average(own.map(({ bid }) => bid.price)),
    })),
  )
}

export function q6(house: House): string[] {
  const rows = grouped(sales(house), ({ auction }) => auction.seller).map((own) => {
    const lastTen = own
      .sort((a, b) => b.auction.expires - a.auction.expires || b.auction.id - a.auction.id)
      .slice(0, 10)
    return { seller: own[0]?.auction.seller, avg_price: average(lastTen.map(({ bid }) => bid.price)) }
  })
  return lines(rows)
}

export function q9(house: House): string[] {
  const rows = sales(house).map(({ auction: { type: _type, ...auction }, bid }) => ({
    ...auction,
    auction: bid.auction,
    bidder: bid.bidder,
    price: bid.price,
    bid_dateTime: bid.dateTime,
    bid_extra: bid.extra,
  }))
  return lines(rows)
}

const rowOf = ({ auction, bidder, price, channel, url, dateTime, extra }: Bid): object => ({
  auction,
  bidder,
  price,
  channel,
  url,
  dateTime,
  extra,
})

export function q18({ bids }: House): string[] {
  const last = grouped(bids, ({ bidder, auction }) => `${bidder} ${auction}`).map((own) => {
    const latest = own.reduce((time, { dateTime }) => Math.max(time, dateTime), 0)
    return own.filter(({ dateTime }) => dateTime === latest).at(-1) as Bid
  })
  return lines(last.map(rowOf))
}

export function q19({ bids }: House): string[] {
  const rows = grouped(bids, ({ auction }) => auction).flatMap((own) =>
    own
      .sort((a, b) => b.price - a.price)
      .slice(0, 10)
      .map((bid, i) => ({ ...rowOf(bid), rank_number: i + 1 })),
  )
  return lines(rows)
}
