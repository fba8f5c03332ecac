// What the results of the queries over windows of time are, over arrays: loops that anybody can check.

import type { Bid } from '../../../jobs/nexmark/generator/events.ts'
import type { House } from './models.ts'

const SIZE = 10_000
const SLIDE = 2_000
const GAP = 10_000

const lines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** The starts of the windows [s, s + size), s a multiple of `slide`, that hold a time. */
function windowsOf(time: number, size: number, slide: number): number[] {
  const last = Math.floor(time / slide) * slide
  const starts: number[] = []
  for (let start = last; start > time - size; start -= slide) starts.push(start)
  return starts
}

/** In each window of 10 s, every 2 s, the auctions with the most bids, all of them that tie. */
export function q5({ bids }: House): string[] {
  const counts = new Map<number, Map<number, number>>()
  for (const { auction, dateTime } of bids) {
    for (const start of windowsOf(dateTime, SIZE, SLIDE)) {
      const ofWindow = counts.get(start) ?? new Map<number, number>()
      counts.set(start, ofWindow)
      ofWindow.set(auction, (ofWindow.get(auction) ?? 0) + 1)
    }
  }
  const rows = [...counts.values()].flatMap((ofWindow) => {
    const most = [...ofWindow.values()].reduce((a, b) => Math.max(a, b), 0)
    return [...ofWindow].filter(([, num]) => num === most).map(([auction, num]) => ({ auction, num }))
  })
  return lines(rows)
}

/** The bids with the highest price of a window of 10 s, both of whose ends belong to it; a bid at the common end of two may match both. */
export function q7({ bids }: House): string[] {
  const highest = new Map<number, number>()
  for (const { price, dateTime } of bids) {
    const [start = 0] = windowsOf(dateTime, SIZE, SIZE)
    highest.set(start, Math.max(highest.get(start) ?? 0, price))
  }
  const rows = [...highest].flatMap(([start, price]) =>
    bids
      .filter((bid) => bid.price === price && bid.dateTime >= start && bid.dateTime <= start + SIZE)
      .map((b) => ({ auction: b.auction, price: b.price, bidder: b.bidder, dateTime: b.dateTime, extra: b.extra })),
  )
  return lines(rows)
}

/** Who registered and put something on sale within the same window of 10 s: once, however many auctions. */
export function q8({ persons, auctions }: House): string[] {
  const startOf = (time: number): number => windowsOf(time, SIZE, SIZE)[0] ?? 0
  const sellers = new Set(auctions.map(({ seller, dateTime }) => `${seller} ${startOf(dateTime)}`))
  const found = persons.filter(({ id, dateTime }) => sellers.has(`${id} ${startOf(dateTime)}`))
  return lines(found.map(({ id, name, dateTime }) => ({ id, name, stime: startOf(dateTime) })))
}

/** Bids of a person that follow each other within 10 s (10 s included) are a session, which ends 10 s after the last. */
export function q11({ bids }: House): string[] {
  const byBidder = new Map<number, Bid[]>()
  for (const bid of bids) byBidder.set(bid.bidder, [...(byBidder.get(bid.bidder) ?? []), bid])
  const rows: { bidder: number; bid_count: number; starttime: number; endtime: number }[] = []
  for (const [bidder, own] of byBidder) {
    const times = own.map(({ dateTime }) => dateTime).sort((a, b) => a - b)
    let session: (typeof rows)[number] | undefined
    for (const time of times) {
      if (session === undefined || time > session.endtime) {
        session = { bidder, bid_count: 0, starttime: time, endtime: 0 }
        rows.push(session)
      }
      session.bid_count += 1
      session.endtime = time + GAP
    }
  }
  return lines(rows)
}
