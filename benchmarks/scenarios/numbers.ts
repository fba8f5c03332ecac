// map → filter → map → count: what a record costs when nothing is kept. Records are made by the generator that Flink's peer uses.

import { job } from 'millrace'
import { CountSource } from '../count-source.ts'
import { type KeyValue, keyValueAt } from '../key-value.ts'
import { memoryRow } from '../memory-row.ts'
import { runHere } from '../run-here.ts'
import type { Case, Scenario } from '../scenario.ts'
import { Stopwatch } from '../stopwatch.ts'
import { TallySink } from '../tally-sink.ts'
import { throughputRow } from '../throughput-row.ts'

const KEYS = 1000

// The user's functions: the loop and the job call the same ones.
const plusOne = ({ key, value }: KeyValue): KeyValue => ({ key, value: value + 1 })
const notFourth = ({ value }: KeyValue): boolean => (value & 3) !== 0
const tripled = ({ key, value }: KeyValue): KeyValue => ({ key, value: value * 3 })

const loop: Case = ({ records }) => {
  const watch = new Stopwatch()
  // Every step's record is put down somewhere, as it is in any job: V8 would otherwise see that none leaves the loop and make none.
  const made = new Array<KeyValue>(3)
  let sum = 0
  watch.start()
  for (let i = 0; i < Number(records); i++) {
    made[0] = keyValueAt(i, KEYS)
    made[1] = plusOne(made[0])
    if (!notFourth(made[1])) continue
    made[2] = tripled(made[1])
    sum += made[2].value
  }
  watch.stop()
  return { records: Number(records), ...watch.elapsed, checksum: sum }
}

const millrace: Case = async ({ records }) => {
  const watch = new Stopwatch()
  const sink = new TallySink<KeyValue>((record) => record.value, watch)
  const source = new CountSource(
    Number(records),
    (i) => keyValueAt(i, KEYS),
    () => watch.start(),
  )
  const work = job('numbers', (flow) => {
    flow.from('records', source).map('one', plusOne).filter('three', notFourth).map('triple', tripled).to('count', sink)
  })
  await runHere(work)
  return { records: Number(records), ...watch.elapsed, checksum: sink.sum }
}

export const numbers: Scenario = {
  name: 'numbers',
  cases: { loop, millrace },
  async measure(bench) {
    const params = { records: Math.round(60_000_000 * bench.scale) }
    const [ceiling = [], own = []] = await bench.compare([
      { scenario: 'numbers', name: 'loop', params },
      { scenario: 'numbers', name: 'millrace', params },
    ])
    const flink = await bench.flink('W1')
    const name = 'map, filter, map, count'
    const row = throughputRow(name, own, ceiling, flink, '12 M/s and half of a plain loop')
    const met = bench.smoke ? undefined : row.value >= 12e6 && (row.ratio ?? 0) >= 0.5
    return [{ ...row, met }, memoryRow(bench, name, own, 0)]
  },
}
