// A process that writes epochs to a topic by an exactly-once sink, as the machine does, from where the one before it was killed:
// `kafka-sink-main.ts BROKERS TOPIC WRITER FILE EPOCHS`. FILE holds the last epoch of a complete checkpoint.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { kafkaSink } from '../../src/connectors/kafka/sink/kafka-sink.ts'
import { batchesOf, openEpochSink } from '../src/connectors/kafka/sink/sink-driver.ts'
import { epochOf } from './kafka-sink-epochs.ts'

const [, , brokers = '', topic = '', writer = '', file = '', epochs = ''] = process.argv
const sink = await openEpochSink(kafkaSink({ brokers, topic, lingerMs: 0 }))
const isRestored = existsSync(file)
const complete = isRestored ? Number(readFileSync(file, 'utf8')) : 0
let last = await sink.lastEpoch(writer, isRestored)
if (last > complete) throw new Error(`epoch ${last} is in, and the last that was to be is ${complete}`)
for (let epoch = Math.max(1, last + 1); epoch <= Number(epochs); epoch += 1) {
  writeFileSync(file, `${epoch}`)
  await sink.apply(writer, epoch, batchesOf(...epochOf(epoch)))
  last = epoch
}
await sink.close()
