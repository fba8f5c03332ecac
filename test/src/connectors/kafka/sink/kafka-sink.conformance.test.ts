import { it } from 'vitest'
import { sinkConformance } from '../../../../../runtime/testing/index.ts'
import type { WrittenRecord } from '../../../../../src/connectors/kafka/formats/format.ts'
import { kafkaSink } from '../../../../../src/connectors/kafka/sink/kafka-sink.ts'
import type { RuntimeContext } from '../../../../../src/contract/runtime-context.ts'
import type { RichSinkFunction } from '../../../../../src/contract/sink-function.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'

const records = Array.from({ length: 12 }, (_, i): WrittenRecord => ({ key: `k${i % 5}`, value: `value ${i}` }))

describeBroker('kafkaSink keeps the contract', (broker) => {
  // Brokers answer by their own time, and the list's clock stands still.
  const inRealTime = <T>(sink: RichSinkFunction<T>): RichSinkFunction<T> => {
    const open = sink.open.bind(sink)
    sink.open = (context: RuntimeContext) => open({ ...context, clock: systemClock })
    return sink
  }
  /** Whoever reads at least once keeps the last value of each key. */
  const latest = (written: readonly WrittenRecord[]): WrittenRecord[] => [
    ...new Map(written.map((record) => [record.key, record])).values(),
  ]
  const fixture = (delivery: 'exactly-once' | 'at-least-once') => async () => {
    const topic = await broker.topic('conformance')
    return {
      create: () =>
        inRealTime(kafkaSink({ brokers: broker.brokers, topic, delivery, transactionalIdPrefix: `c-${topic}` })),
      read: async () => {
        const read = (await broker.readEnded(topic)).map(({ key, value }) => ({ key: `${key}`, value: `${value}` }))
        return delivery === 'exactly-once' ? read : latest(read)
      },
    }
  }
  const lists = [
    sinkConformance({
      name: 'exactly once',
      kind: 'epoch',
      prepare: fixture('exactly-once'),
      records,
      createBroken: () => inRealTime(kafkaSink({ brokers: broker.brokers, topic: broker.name('missing') })),
    }),
    sinkConformance({
      name: 'at least once',
      kind: 'upsert',
      prepare: fixture('at-least-once'),
      records,
      resultOf: latest,
      createBroken: () =>
        inRealTime(kafkaSink({ brokers: broker.brokers, topic: broker.name('missing'), delivery: 'at-least-once' })),
    }),
  ]
  it.each(lists.flatMap(({ cases }) => cases))('$name', ({ run }) => run())
})
