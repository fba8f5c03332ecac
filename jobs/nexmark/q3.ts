// Local items: who in three states sells something of category 10. Persons and auctions meet by the seller's id.

import { isAuction, isPerson } from './generator/events.ts'
import { query } from './query.ts'

const STATES = new Set(['OR', 'ID', 'CA'])

export default query('q3', (events) => {
  const auctions = events.filter('auctions', isAuction).filter('category', ({ category }) => category === 10)
  return events
    .filter('persons', isPerson)
    .keyBy('by-person', ({ id }) => id)
    .join(auctions.keyBy('by-seller', ({ seller }) => seller))
    .unbounded({
      left: { one: true, keep: ({ name, city, state }) => (STATES.has(state) ? { name, city, state } : undefined) },
      right: { keep: ({ id }) => id },
    })
    .apply('local-items', (person, id) => ({ ...person, id }))
})
