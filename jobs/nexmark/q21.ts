// Add a channel's id: known for four of them, in the address of the page for most others. Bids without one are left out.

import { isBid } from './generator/events.ts'
import { query } from './query.ts'

const KNOWN: Readonly<Record<string, string>> = { apple: '0', google: '1', facebook: '2', baidu: '3' }
const IN_URL = /(?:&|^)channel_id=([^&]*)/

export default query('q21', (events) =>
  events.filter('bids', isBid).flatMap('row', ({ auction, bidder, price, channel, url }) => {
    const channel_id = KNOWN[channel.toLowerCase()] ?? IN_URL.exec(url)?.[1]
    return channel_id === undefined ? [] : [{ auction, bidder, price, channel, channel_id }]
  }),
)
