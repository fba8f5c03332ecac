// User sessions: how often each person bid without a break of more than ten seconds.

import { count, seconds, sessionWindows } from 'millrace'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q11', (events) =>
  events
    .filter('bids', isBid)
    .keyBy('bidder', ({ bidder }) => bidder)
    .window(sessionWindows(seconds(10)))
    .aggregate('sessions', count(), (bidder, { start, end }, bid_count) => ({
      bidder,
      bid_count,
      starttime: start,
      endtime: end,
    })),
)
