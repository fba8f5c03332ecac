// What the results of the queries over bids alone are, over arrays: loops that anybody can check.

import type { Bid } from '../../../jobs/nexmark/generator/events.ts'
import type { House } from './models.ts'

const lines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row)).sort()

export function q14({ bids }: House): string[] {
  const rows = bids.flatMap(({ auction, bidder, price, dateTime, extra }) => {
    const thousandths = BigInt(price) * 908n
    if (thousandths <= 1_000_000_000n || thousandths >= 50_000_000_000n) return []
    const hour = Number(new Date(dateTime).toISOString().slice(11, 13))
    let bidTimeType = 'otherTime'
    if (hour >= 8 && hour <= 18) bidTimeType = 'dayTime'
    if (hour <= 6 || hour >= 20) bidTimeType = 'nightTime'
    const digits = thousandths.toString()
    return [{ auction, bidder, price: `${digits.slice(0, -3)}.${digits.slice(-3)}`, bidTimeType, dateTime, extra }]
  })
  return lines(rows)
}

/** The bids of each group: of one day, and of what else `by` names. */
function groups(bids: readonly Bid[], by: (bid: Bid) => string | number): Bid[][] {
  const found = new Map<string, Bid[]>()
  for (const bid of bids) {
    const group = `${by(bid)} ${dayOf(bid)}`
    found.set(group, [...(found.get(group) ?? []), bid])
  }
  return [...found.values()]
}

const dayOf = ({ dateTime }: Bid): string => new Date(dateTime).toISOString().slice(0, 10)

/** All, then by three ranges of the price. */
const RANKS: readonly (readonly [name: string, holds: (bid: Bid) => boolean])[] = [
  ['total', () => true],
  ['rank1', ({ price }) => price < 10_000],
  ['rank2', ({ price }) => price >= 10_000 && price < 1_000_000],
  ['rank3', ({ price }) => price >= 1_000_000],
]

function counts(bids: readonly Bid[]): object {
  return Object.fromEntries(RANKS.map(([rank, holds]) => [`${rank}_bids`, bids.filter(holds).length]))
}

function distinct(bids: readonly Bid[], name: string, of: (bid: Bid) => number): object {
  return Object.fromEntries(RANKS.map(([rank, holds]) => [`${rank}_${name}`, new Set(bids.filter(holds).map(of)).size]))
}

const statistics = (bids: readonly Bid[]): object => ({
  ...counts(bids),
  ...distinct(bids, 'bidders', ({ bidder }) => bidder),
  ...distinct(bids, 'auctions', ({ auction }) => auction),
})

export function q15({ bids }: House): string[] {
  return lines(groups(bids, () => '').map((own) => ({ day: dayOf(own[0] as Bid), ...statistics(own) })))
}

export function q16({ bids }: House): string[] {
  const rows = groups(bids, ({ channel }) => channel).map((own) => {
    const first = own[0] as Bid
    const minutes = own.map(({ dateTime }) => new Date(dateTime).toISOString().slice(11, 16)).sort()
    return { channel: first.channel, day: dayOf(first), minute: minutes.at(-1), ...statistics(own) }
  })
  return lines(rows)
}

export function q17({ bids }: House): string[] {
  const rows = groups(bids, ({ auction }) => auction).map((own) => {
    const first = own[0] as Bid
    const prices = own.map(({ price }) => price).sort((a, b) => a - b)
    const sum_price = prices.reduce((a, b) => a + b, 0)
    return {
      auction: first.auction,
      day: dayOf(first),
      ...counts(own),
      min_price: prices[0],
      max_price: prices.at(-1),
      avg_price: Math.trunc(sum_price / prices.length),
      sum_price,
    }
  })
  return lines(rows)
}

export function q21({ bids }: House): string[] {
  const known = ['Apple', 'Google', 'Facebook', 'Baidu']
  const rows = bids.flatMap(({ auction, bidder, price, channel, url }) => {
    const at = url.indexOf('&channel_id=')
    if (known.includes(channel)) return [{ auction, bidder, price, channel, channel_id: `${known.indexOf(channel)}` }]
    return at < 0 ? [] : [{ auction, bidder, price, channel, channel_id: url.slice(at + '&channel_id='.length) }]
  })
  return lines(rows)
}

export function q22({ bids }: House): string[] {
  const rows = bids.map(({ auction, bidder, price, channel, url }) => {
    const [dir1, dir2, dir3] = new URL(url).pathname.split('/').slice(1)
    return { auction, bidder, price, channel, dir1, dir2, dir3 }
  })
  return lines(rows)
}
