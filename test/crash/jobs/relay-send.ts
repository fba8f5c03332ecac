// The sender of relay storms: what is written to a file, line by line, goes over the line in several streams; `lanes` times, each by a
// connection of its own.

import { job } from 'millrace'
import { filesSource } from 'millrace/connectors/files'
import { relaySink } from 'millrace/connectors/relay'
import { jumpClock } from './jumping-clock.ts'
import type { RelayTold } from './relay-receive.ts'

export default job(
  'relay-send',
  (flow, settings) => {
    const paths = settings.string('lines')
    if (settings.boolean('clockJumps', false)) jumpClock()
    const psk = settings.string('psk', '')
    const lines = flow.from(
      'lines',
      filesSource<RelayTold>({ paths, format: 'ndjson', follow: true, pollIntervalMs: 20, allowNone: true }),
    )
    for (let lane = 0; lane < settings.number('lanes', 1); lane += 1)
      lines
        .map(`lane-${lane}`, (told) => ({ ...told, stream: `${lane}.${told.stream}` }))
        .to(
          `line-${lane}`,
          relaySink<RelayTold>({
            site: 'north',
            targets: settings.string('target'),
            stream: ({ stream }) => stream,
            batchBytes: settings.number('batchBytes', 4_096),
            reconnectMaxMs: settings.number('reconnectMax', 500),
            ...(psk === '' ? {} : { psk: { identity: 'north', key: { file: psk } } }),
          }),
        )
  },
  { checkpoint: { intervalMs: 100, retain: 2 }, restart: { strategy: 'none' } },
)
