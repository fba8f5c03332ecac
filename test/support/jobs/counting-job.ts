// A small job for tests of the command line: numbers, summed by remainder, printed.
//   --set count=100 rate=1000 failAt=50 (throws on that number, once per process unless failAlways=1) print=1

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Collector, job, KeyedProcessFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Sum {
  readonly key: number
  readonly count: number
  readonly sum: number
}

class Sums extends KeyedProcessFunction<number, number, Sum> {
  readonly #sum = this.valueState<Sum>('sum')

  override process(value: number, { key }: { key: number }, out: Collector<Sum>): void {
    const { count, sum } = this.#sum.get() ?? { count: 0, sum: 0 }
    const next = { key, count: count + 1, sum: sum + value }
    this.#sum.set(next)
    out.emit(next)
  }
}

/** What a job's author gets wrong: one number is not as he thought. */
function check(value: number, failAt: number, once: string): number {
  if (value !== failAt || existsSync(once)) return value
  if (!once.endsWith('always')) writeFileSync(once, '')
  throw new TypeError(`number ${value} is unlucky`)
}

export default job('counting', (flow, settings) => {
  const count = settings.number('count', 100)
  const failAt = settings.number('failAt', -1)
  const once = join(settings.dataDir, settings.boolean('failAlways', false) ? 'always' : 'failed-once')
  flow
    .from('numbers', generate({ count, perSecond: settings.number('rate', 1_000_000), make: (index) => index }))
    .map('checked', (value) => check(value, failAt, once))
    .keyBy('remainder', (value) => value % 10)
    .process('sums', new Sums())
    .to('out', print())
  flow.onFinished(() => {
    process.stdout.write(`counted ${count}\n`)
  })
})
