// The ten highest bids for each auction, with their rank; of equal ones the earlier comes first.

import { bidRow } from './bid-row.ts'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q19', (events) =>
  events
    .filter('bids', isBid)
    .toChangelog()
    .topN('highest', {
      key: ({ auction }) => auction,
      n: 10,
      orderBy: (a, b) => b.price - a.price || a.number - b.number,
      rank: (bid, rank_number) => ({ ...bidRow(bid), rank_number }),
    }),
)
