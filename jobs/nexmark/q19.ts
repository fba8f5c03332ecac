// The ten highest bids for each auction, with their rank; of equal ones the earlier comes first.

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
      rank: ({ auction, bidder, price, channel, url, dateTime, extra }, rank_number) => ({
        auction,
        bidder,
        price,
        channel,
        url,
        dateTime,
        extra,
        rank_number,
      }),
    }),
)
