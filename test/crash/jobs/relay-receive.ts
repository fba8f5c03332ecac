// The receiver of relay storms: each record goes to a file with its place among those of its stream, counted in state, so that one that is
// lost, repeated or reordered shows.

import { join } from 'node:path'
import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import { filesSink } from 'millrace/connectors/files'
import { relaySource } from 'millrace/connectors/relay'
import { jumpClock } from './jumping-clock.ts'
import { slowDisk } from './slow-disk.ts'

/** A line of the sender's file: `n` from 0 in each stream. */
export interface RelayTold {
  readonly stream: string
  readonly n: number
  readonly text: string
}

/** As it arrived. */
export interface RelayArrived {
  readonly stream: string
  readonly n: number
  readonly place: number
}

class Place extends KeyedProcessFunction<string, RelayTold, RelayArrived> {
  readonly #place = this.valueState<number>('place')

  override process(
    { n, stream }: RelayTold,
    _context: KeyedProcessContext<string>,
    out: Collector<RelayArrived>,
  ): void {
    const place = this.#place.get() ?? 0
    this.#place.set(place + 1)
    out.emit({ stream, n, place })
  }
}

export default job(
  'relay-receive',
  (flow, settings) => {
    if (settings.boolean('clockJumps', false)) jumpClock()
    const syncMs = settings.number('syncMs', 0)
    if (syncMs > 0) void slowDisk(syncMs)
    const psk = settings.string('psk', '')
    const listen = { host: settings.string('host', '127.0.0.1'), port: settings.number('port') }
    flow
      .from(
        'line',
        relaySource<RelayTold>({
          site: 'south',
          listen,
          keepBytes: settings.number('keepBytes', 65_536),
          ...(psk === '' ? {} : { psk: { keys: { north: { file: psk } } } }),
        }),
      )
      .keyBy('stream', ({ stream }) => stream)
      .process('place', () => new Place())
      .to('parts', filesSink<RelayArrived>({ directory: join(settings.dataDir, 'parts'), format: 'ndjson' }))
  },
  { checkpoint: { intervalMs: 100, retain: 2 }, restart: { strategy: 'none' } },
)
