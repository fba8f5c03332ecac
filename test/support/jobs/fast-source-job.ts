// A source as fast as it can be, counted in state, before a sink that takes its time and a ledger that holds every record once.
//   --set count=50000 us=0 (microseconds for each record that the slow sink writes)

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Collector, job, KeyedProcessFunction, UpsertSinkFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { sqliteTable } from 'millrace/connectors/sqlite'

interface Placed {
  readonly n: number
  /** Among the numbers of the same rest, from 1: counted in state. */
  readonly place: number
}

const RESTS = 8

class Places extends KeyedProcessFunction<number, number, Placed> {
  readonly #count = this.valueState<number>('count')

  override process(n: number, _context: unknown, out: Collector<Placed>): void {
    const place = (this.#count.get() ?? 0) + 1
    this.#count.set(place)
    out.emit({ n, place })
  }
}

/** Takes so long for each record, and tells once that it has begun. */
class Slow extends UpsertSinkFunction<Placed> {
  readonly #us: number
  #told = false

  constructor(us: number) {
    super()
    this.#us = us
  }

  async write(records: readonly Placed[]): Promise<void> {
    if (!this.#told) process.stdout.write('the slow sink writes\n')
    this.#told = true
    if (this.#us > 0) await sleep((records.length * this.#us) / 1000)
  }

  flush(): void {}
}

export default job('fast-source', (flow, settings) => {
  const us = settings.number('us', 0)
  const placed = flow
    .from('numbers', generate({ count: settings.number('count', 50_000), splits: 2, make: (i) => i }))
    .keyBy('rest', (n) => n % RESTS)
    .process('places', new Places())
  placed.keyBy('again', ({ n }) => n).to('slow', () => new Slow(us))
  placed.to('ledger', sqliteTable({ file: join(settings.dataDir, 'ledger.db'), table: 'ledger', create: true }))
})
