// Channel statistics: the same for each channel, and when its last bid of the day came.

import { aggregates, max } from 'millrace'
import { bidCounts, dayOf, distinctCounts } from './bid-statistics.ts'
import { type Bid, isBid } from './generator/events.ts'
import { query } from './query.ts'

const minuteOf = ({ dateTime }: Bid): string => new Date(dateTime).toISOString().slice(11, 16)

export default query('q16', (events) =>
  events
    .filter('bids', isBid)
    .toChangelog()
    .groupBy('channel-and-day', (bid) => [bid.channel, dayOf(bid)])
    .aggregate(
      'statistics',
      aggregates({ minute: max(minuteOf), ...bidCounts, ...distinctCounts }),
      ([channel, day], { minute, ...counts }) => ({ channel, day, minute, ...counts }),
    ),
)
