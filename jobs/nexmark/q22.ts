// Get the folders of the page's address.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'

export default query('q22', (events) =>
  events.filter('bids', isBid).map('row', ({ auction, bidder, price, channel, url }) => {
    const [, , , dir1 = '', dir2 = '', dir3 = ''] = url.split('/', 6)
    return { auction, bidder, price, channel, dir1, dir2, dir3 }
  }),
)
