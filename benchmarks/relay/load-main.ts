// Fills a topic in a process of its own: as fast as it goes, or so many records a second.

import { setTimeout } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { job } from 'millrace'
import { kafkaSink } from 'millrace/connectors/kafka'
import { CountSource } from '../count-source.ts'
import { runHere } from '../run-here.ts'
import type { Load } from './load.ts'
import { keyOf, partitionOf, valueAt } from './records.ts'

/** How long a call of the paced producer's is worth. */
const STEP_MS = 100
/** To a call: more of one partition would be too large for a broker. */
const SEND_MAX = 20_000

const load = JSON.parse(process.argv[2] ?? '{}') as Load
const recordOf = (i: number) => ({ key: keyOf(i), value: valueAt(i), partition: partitionOf(i) })
await (load.perSecond === undefined ? fast(load) : paced(load, load.perSecond))
process.send?.(load.records)
process.exit()

async function fast({ brokers, topic, records }: Load): Promise<void> {
  const loading = job('load', (flow) => {
    flow
      .from('numbers', new CountSource(records, recordOf))
      .to('topic', kafkaSink({ brokers, topic, delivery: 'at-least-once' }))
  })
  await runHere(loading)
}

async function paced({ brokers, topic, records }: Load, perSecond: number): Promise<void> {
  const producer = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).producer({
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  const startMs = performance.now()
  for (let sent = 0; sent < records; ) {
    const due = Math.min(records, sent + SEND_MAX, Math.floor(((performance.now() - startMs) * perSecond) / 1_000))
    const messages = Array.from({ length: due - sent }, (_, i) => recordOf(sent + i))
    if (messages.length > 0) await producer.send({ topic, acks: -1, messages })
    sent = due
    if (messages.length < SEND_MAX) await setTimeout(STEP_MS)
  }
  await producer.disconnect()
}
