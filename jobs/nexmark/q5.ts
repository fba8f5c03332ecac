// Hot items: in each window of ten seconds, every two seconds, the auctions with the most bids; all of them that tie.

import { count, seconds, slidingWindows, tumblingWindows } from 'millrace'
import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q5', (events) =>
  events
    .filter('bids', isBid)
    .keyBy('auction', ({ auction }) => auction)
    .window(slidingWindows(seconds(10), seconds(2)))
    .aggregate('count', count(), (auction, _window, num) => ({ auction, num }))
    // A count has the last time of its window, and no two windows end in the same two seconds: what meets here is of one window.
    .windowAll(tumblingWindows(seconds(2)))
    .process<{ auction: number; num: number }>('hottest', (counts, _context, out) => {
      const most = counts.reduce((found, { num }) => Math.max(found, num), 0)
      for (const row of counts) if (row.num === most) out.emit(row)
    }),
)
