// Processing-time windows: how often each person bid in each ten seconds of the clock. Another result each time; the sum is the same.

import { count, seconds, tumblingWindows } from 'millrace'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q12', (events) =>
  events
    .filter('bids', isBid)
    .keyBy('bidder', ({ bidder }) => bidder)
    .window(tumblingWindows(seconds(10), { processingTime: true }))
    .aggregate('count', count(), (bidder, { start, end }, bid_count) => ({
      bidder,
      bid_count,
      starttime: start,
      endtime: end,
    })),
)
