// A function that takes memory without end, or never returns, when it meets one number; once for a data directory.
//   --set fault=memory|loop

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Collector, job, KeyedProcessFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { sqliteTable } from 'millrace/connectors/sqlite'

interface Placed {
  readonly n: number
  readonly place: number
}

class Places extends KeyedProcessFunction<number, number, Placed> {
  readonly #count = this.valueState<number>('count')

  override process(n: number, _context: unknown, out: Collector<Placed>): void {
    const place = (this.#count.get() ?? 0) + 1
    this.#count.set(place)
    out.emit({ n, place })
  }
}

function suffer(fault: string): void {
  const kept: unknown[] = []
  for (;;) if (fault === 'memory') kept.push(Array.from({ length: 1_000 }, (_, i) => ({ i })))
}

export default job('hungry', (flow, settings) => {
  const fault = settings.string('fault', 'none')
  const once = join(settings.dataDir, 'met')
  const meet = (n: number): number => {
    if (fault === 'none' || n !== 1_500 || existsSync(once)) return n
    writeFileSync(once, '')
    suffer(fault)
    return n
  }
  flow
    .from('numbers', generate({ count: 3_000, perSecond: 3_000, make: (i) => i }))
    .map('meet', meet)
    .keyBy('rest', (n) => n % 8)
    .process('places', new Places())
    .to('ledger', sqliteTable({ file: join(settings.dataDir, 'ledger.db'), table: 'ledger', create: true }))
})
