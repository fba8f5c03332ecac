// Monitor new users: who registered and put something on sale within the same ten seconds.

import { count, first, seconds, tumblingWindows } from 'millrace'
import { isAuction, isPerson } from './generator/events.ts'
import { query } from './query.ts'

const WINDOW = tumblingWindows(seconds(10))

export default query('q8', (events) => {
  const sellers = events
    .filter('auctions', isAuction)
    .keyBy('by-seller', ({ seller }) => seller)
    .window(WINDOW)
    .aggregate('sellers', count(), (seller) => seller)
  return (
    events
      .filter('persons', isPerson)
      .keyBy('by-id', ({ id }) => id)
      .window(WINDOW)
      .aggregate(
        'new-persons',
        first(({ name }) => name),
        (id, { start }, name) => ({ id, name, stime: start }),
      )
      .keyBy('person', ({ id }) => id)
      .join(sellers.keyBy('seller', (seller) => seller))
      // Both have the last time of their window.
      .between(0, 0)
      .apply('row', (person) => person)
  )
})
