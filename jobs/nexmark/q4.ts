// Average price for a category: over the highest bids so far of its auctions, which change as bids come.

import { avg } from 'millrace'
import { isAuction, isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q4', (events) =>
  events
    .filter('auctions', isAuction)
    .map('terms', ({ id, category, dateTime, expires }) => ({ id, category, dateTime, expires }))
    .toChangelog()
    .join('bids-in-time', events.filter('bids', isBid).toChangelog(), {
      leftKey: ({ id }) => id,
      rightKey: ({ auction }) => auction,
      unique: 'left',
      on: ({ dateTime, expires }, bid) => dateTime <= bid.dateTime && bid.dateTime <= expires,
      row: ({ id, category }, { price }) => ({ id, category, price }),
    })
    .topN('highest', { key: ({ id }) => id, n: 1, orderBy: (a, b) => b.price - a.price })
    .groupBy('category', ({ category }) => category)
    .aggregate(
      'average',
      // SQL's average of whole numbers is whole: so is that of bigints.
      avg(({ price }) => BigInt(price)),
      (category, final) => ({ category, final: Number(final) }),
    ),
)
