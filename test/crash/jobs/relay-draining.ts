// A job whose input ends soon, and whose target may be away: node "line" sends the numbers 0 to `count` in three streams.

import { job } from 'millrace'
import { relaySink } from 'millrace/connectors/relay'
import { PacedSource } from './paced-source.ts'

export default job(
  'relay-draining',
  (flow, settings) => {
    const count = settings.number('count', 3000)
    const perSecond = settings.number('perSecond', 1_000_000)
    const perCheckpoint = settings.number('perCheckpoint', Number.POSITIVE_INFINITY)
    flow.from('numbers', new PacedSource({ make: (n) => n, count, perSecond }, perCheckpoint), { parallelism: 1 }).to(
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
