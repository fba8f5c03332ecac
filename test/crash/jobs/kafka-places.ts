// Kafka to Kafka, exactly once. `work=copy`: each record as it is, into the partition it came from; `work=count`: each with its place among
// the records of its key, counted in state, so that a record lost, repeated or reordered on the way in shows in what goes out.

import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import { json, type KafkaRecord, kafkaSink, kafkaSource } from 'millrace/connectors/kafka'

/** What the test writes: `n` from 0 for each key, `i` from 0 over all. */
interface Told {
  readonly key: string
  readonly n: number
  readonly i: number
}

class Place extends KeyedProcessFunction<string, Told, Told & { place: number }> {
  readonly #place = this.valueState<number>('place')

  override process(told: Told, _context: KeyedProcessContext<string>, out: Collector<Told & { place: number }>): void {
    const place = this.#place.get() ?? 0
    this.#place.set(place + 1)
    out.emit({ ...told, place })
  }
}

export default job(
  'kafka-places',
  (flow, settings) => {
    // A run then takes several checkpoints.
    const pauseMs = settings.number('pause', 0)
    const slow = async (told: Told): Promise<Told> => {
      if (pauseMs > 0) await sleep(pauseMs)
      return told
    }
    const prefix = settings.string('prefix', basename(settings.dataDir))
    const cluster = {
      brokers: settings.list('brokers'),
      requestTimeoutMs: settings.number('requestTimeout', 30_000),
      retryMaxMs: settings.number('retryMax', 120_000),
    }
    const bounded = settings.boolean('bounded', false) ? ({ bounded: 'latest' } as const) : {}
    const from = { ...cluster, topics: settings.string('from'), groupId: prefix, discoveryIntervalMs: 200, ...bounded }
    const to = {
      ...cluster,
      topic: settings.string('to', basename(settings.dataDir)),
      create: { partitions: settings.number('partitions', 3) },
      transactionalIdPrefix: prefix,
      transactionTimeoutMs: settings.number('timeout', 60_000),
    }
    if (settings.string('work') === 'copy')
      flow
        .from('from', kafkaSource<KafkaRecord>(from))
        .map('same', ({ key, value, headers, partition, timestampMs }) => ({
          key,
          value,
          headers,
          partition,
          timestampMs,
        }))
        .to('to', kafkaSink(to))
    else
      flow
        .from('from', kafkaSource<Told>({ ...from, format: json<Told>() }))
        .orderedAsync('slow', slow, { capacity: 64 })
        .keyBy('key', ({ key }) => key)
        .process('place', () => new Place())
        .to('to', kafkaSink({ ...to, format: json<Told & { place: number }>(), key: ({ key }) => key }))
  },
  { checkpoint: { intervalMs: 100, retain: 1 }, restart: { strategy: 'none' } },
)
