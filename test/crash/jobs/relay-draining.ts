// A job whose input ends soon, and whose target may be away: node "line" sends the numbers 0 to `count` in three streams.

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { relaySink } from 'millrace/connectors/relay'

export default job(
  'relay-draining',
  (flow, settings) => {
    const count = settings.number('count', 3000)
    flow
      .from('numbers', generate({ make: (n) => n, count, perSecond: settings.number('perSecond', 1_000_000) }), {
        parallelism: 1,
      })
      .to(
        'line',
        relaySink<number>({
          site: 'here',
          targets: `127.0.0.1:${settings.number('port')}`,
          stream: (n) => `s${n % 3}`,
          batchRecords: 50,
          reconnectMaxMs: 200,
        }),
      )
  },
  { checkpoint: { intervalMs: 30 }, restart: { strategy: 'none' } },
)
