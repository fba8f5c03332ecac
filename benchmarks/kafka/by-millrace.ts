// The same work as jobs.

import { setTimeout } from 'node:timers/promises'
import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction, UpsertSinkFunction } from 'millrace'
import {
  bytes,
  type KafkaRecord,
  kafkaSink,
  kafkaSource,
  records as recordFormat,
  text,
} from 'millrace/connectors/kafka'
import { CountSource } from '../count-source.ts'
import { runHere } from '../run-here.ts'
import type { Stopwatch } from '../stopwatch.ts'
import type { Work } from './client.ts'
import { messageKeyAt, valueAt, valuesOf } from './messages.ts'

const EPOCH = { intervalMs: 1_000 }

export async function consume({ brokers, topic }: Work, watch: Stopwatch): Promise<number> {
  const sink = new CountingSink<KafkaRecord>(watch)
  const reading = job('consume', (flow) => {
    flow.from('topic', kafkaSource({ brokers, topics: topic, bounded: 'latest' })).to('count', sink)
  })
  await runHere(reading, { checkpoint: EPOCH })
  return sink.count
}

interface Message {
  readonly key: string | null
  readonly value: string
}

export async function produce(work: Work, watch: Stopwatch): Promise<number> {
  const { brokers, topic, records, keys = 0, valueBytes = 200, delivery = 'at-least-once' } = work
  const values = valuesOf(valueBytes)
  const make = (i: number): Message => ({ key: messageKeyAt(i, keys), value: valueAt(values, i) })
  // Its transactional id: another round is another producer.
  const writing = job(`produce-${process.pid}`, (flow) => {
    const source = new CountSource(records, make, () => watch.start())
    flow.from('numbers', source).to('topic', kafkaSink({ brokers, topic, delivery }))
  })
  await runHere(writing, { checkpoint: EPOCH })
  // What is written last is written when the job ends.
  watch.stop()
  return records
}

/** How often each key came: its new count for each record read. */
export async function count({ brokers, topic, out = '', records }: Work, watch: Stopwatch): Promise<number> {
  const format = recordFormat({ key: text(), value: bytes() })
  const counting = job(`count-${process.pid}`, (flow) => {
    flow
      .from('in', kafkaSource({ brokers, topics: topic, bounded: 'latest', format }))
      .keyBy('key', ({ key }) => key ?? '')
      .process('count', new Count())
      .to('out', kafkaSink({ brokers, topic: out }))
  })
  await runHere(counting, { checkpoint: EPOCH, onRunning: () => watch.start() })
  watch.stop()
  return records
}

/** Reads into a sink that stands still at its first batch, and goes on later. */
export async function stall({ brokers, topic, stallMs = 0 }: Work, watch: Stopwatch): Promise<number> {
  const sink = new CountingSink<KafkaRecord>(watch, stallMs)
  const reading = job('stall', (flow) => {
    flow.from('topic', kafkaSource({ brokers, topics: topic, bounded: 'latest' })).to('count', sink)
  })
  await runHere(reading)
  return sink.count
}

class Count extends KeyedProcessFunction<string, unknown, Message> {
  readonly #count = this.valueState<number>('count')

  override process(_: unknown, { key }: KeyedProcessContext<string>, out: Collector<Message>): void {
    const count = (this.#count.get() ?? 0) + 1
    this.#count.set(count)
    out.emit({ key, value: String(count) })
  }
}

class CountingSink<T> extends UpsertSinkFunction<T> {
  count = 0
  readonly #watch: Stopwatch
  readonly #stallMs: number

  constructor(watch: Stopwatch, stallMs = 0) {
    super()
    this.#watch = watch
    this.#stallMs = stallMs
  }

  write(records: readonly T[]): void | Promise<void> {
    this.#watch.start()
    const stands = this.count === 0 && this.#stallMs > 0
    this.count += records.length
    this.#watch.stop()
    if (stands) return setTimeout(this.#stallMs)
  }

  flush(): void {}
}
