// The last bid of each person for each auction.

import { bidRow } from './bid-row.ts'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q18', (events) =>
  events
    .filter('bids', isBid)
    .toChangelog()
    .deduplicate('last-bid', ({ bidder, auction }) => [bidder, auction], {
      keep: 'last',
      orderBy: (a, b) => a.dateTime - b.dateTime || a.number - b.number,
    })
    .map('row', bidRow),
)
