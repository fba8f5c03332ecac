// What each query's result is, over arrays: loops that anybody can check, without streams, state or order.

import type { Auction, AuctionEvent, Bid, Person } from '../../../jobs/nexmark/generator/events.ts'

/** All events of a run, by type. */
export interface House {
  readonly persons: readonly Person[]
  readonly auctions: readonly Auction[]
  readonly bids: readonly Bid[]
}

export function houseOf(events: readonly AuctionEvent[]): House {
  return {
    persons: events.filter((event) => event.type === 'person'),
    auctions: events.filter((event) => event.type === 'auction'),
    bids: events.filter((event) => event.type === 'bid'),
  }
}

/** The lines of a result: sorted, columns in order. */
export type Model = (house: House) => string[]

const lines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

function q0({ bids }: House): string[] {
  return lines(
    bids.map((b) => ({ auction: b.auction, bidder: b.bidder, price: b.price, dateTime: b.dateTime, extra: b.extra })),
  )
}

function q1({ bids }: House): string[] {
  return lines(
    bids.map((b) => {
      const digits = (BigInt(b.price) * 908n).toString().padStart(4, '0')
      const price = `${digits.slice(0, -3)}.${digits.slice(-3)}`
      return { auction: b.auction, bidder: b.bidder, price, dateTime: b.dateTime, extra: b.extra }
    }),
  )
}

function q2({ bids }: House): string[] {
  return lines(bids.filter((b) => b.auction % 123 === 0).map((b) => ({ auction: b.auction, price: b.price })))
}

function q3({ persons, auctions }: House): string[] {
  const rows: object[] = []
  for (const a of auctions) {
    for (const p of persons) {
      const local = p.state === 'OR' || p.state === 'ID' || p.state === 'CA'
      if (a.seller === p.id && a.category === 10 && local) {
        rows.push({ name: p.name, city: p.city, state: p.state, id: a.id })
      }
    }
  }
  return lines(rows)
}

function q20({ auctions, bids }: House): string[] {
  const rows: object[] = []
  for (const a of auctions) {
    if (a.category !== 10) continue
    for (const b of bids) {
      if (b.auction !== a.id) continue
      const { type: _bid, number: _number, dateTime: bid_dateTime, extra: bid_extra, ...bid } = b
      const { itemName, description, initialBid, reserve, expires, seller, category } = a
      const item = { itemName, description, initialBid, reserve }
      const { dateTime: auction_dateTime, extra: auction_extra } = a
      rows.push({
        ...bid,
        bid_dateTime,
        bid_extra,
        ...item,
        auction_dateTime,
        expires,
        seller,
        category,
        auction_extra,
      })
    }
  }
  return lines(rows)
}

export const MODELS = { q0, q1, q2, q3, q20 } as const satisfies Record<string, Model>
