// Bidding statistics: how many bids a day, by how many bidders, for how many auctions, and how they spread over prices.

import { aggregates } from 'millrace'
import { bidCounts, dayOf, distinctCounts } from './bid-statistics.ts'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q15', (events) =>
  events
    .filter('bids', isBid)
    .toChangelog()
    .groupBy('day', dayOf)
    .aggregate('statistics', aggregates({ ...bidCounts, ...distinctCounts }), (day, counts) => ({ day, ...counts })),
)
