// The keyed sum as a file, for worker threads. `parse=yes` puts JSON text before it, as a real source would give.

import { job, type RuntimeContext, UpsertSinkFunction } from 'millrace'
import { CountSource } from '../count-source.ts'
import { type KeyValue, keyValueAt } from '../key-value.ts'
import { RunningSum } from '../running-sum.ts'

/** Counts what arrives in a metric: the one way out of a worker thread. */
class MeteredSink extends UpsertSinkFunction<KeyValue> {
  #add: (n: number) => void = () => undefined

  override open(context: RuntimeContext): void {
    const counter = context.metrics.counter('arrived')
    this.#add = (n) => counter.add(n)
  }

  write(records: readonly KeyValue[]): void {
    this.#add(records.length)
  }

  flush(): void {}
}

const FILLER = 'what an order of a shop says beside its key and its value'.repeat(3)

export default job('keyed-sum', (flow, settings) => {
  const records = settings.number('records')
  const keys = settings.number('keys', 1000)
  const plain = new CountSource(records, (i) => keyValueAt(i, keys))
  const text = new CountSource(records, (i) => JSON.stringify({ ...keyValueAt(i, keys), filler: FILLER }))
  const values = settings.boolean('parse', false)
    ? flow.from('records', () => text).map('parse', (line) => JSON.parse(line) as KeyValue)
    : flow.from('records', () => plain)
  values
    .keyBy('key', (record) => record.key)
    .process('sum', () => new RunningSum())
    .to('count', () => new MeteredSink())
})
