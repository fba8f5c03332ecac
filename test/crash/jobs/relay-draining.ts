// A job whose input ends at once, and whose target may be away: node "line" sends the numbers 0 to 4,999.

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { relaySink } from 'millrace/connectors/relay'

export default job('relay-draining', (flow, settings) => {
  flow
    .from('numbers', generate({ make: (n) => n, count: 5000 }), { parallelism: 1 })
    .to('line', relaySink<number>({ site: 'here', targets: `127.0.0.1:${settings.number('port')}` }))
})
