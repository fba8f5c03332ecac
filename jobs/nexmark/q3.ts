// Local items: who in three states sells something of category 10. Persons and auctions meet by the seller's id.

import { isAuction, isPerson } from './generator/events.ts'
import { JoinToOne } from './join-to-one.ts'
import { query } from './query.ts'

const STATES = new Set(['OR', 'ID', 'CA'])

export default query('q3', (events) => {
  const auctions = events.filter('auctions', isAuction).filter('category', ({ category }) => category === 10)
  return events
    .filter('persons', isPerson)
    .keyBy('by-person', ({ id }) => id)
    .connect(auctions.keyBy('by-seller', ({ seller }) => seller))
    .process(
      'local-items',
      () =>
        new JoinToOne({
          keep: ({ name, city, state }) => (STATES.has(state) ? { name, city, state } : undefined),
          row: (person, { id }) => ({ ...person, id }),
        }),
    )
})
