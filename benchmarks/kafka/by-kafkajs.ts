// The bare client, at its best: nothing is done with what is read, and nothing is kept of what is written.

import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type { Stopwatch } from '../stopwatch.ts'
import type { Work } from './client.ts'
import { messageKeyAt, valueAt, valuesOf } from './messages.ts'

/** Messages to a call of sendBatch: fewer are slower, more are not faster. */
const SEND = 4_000

const clientOf = ({ brokers }: Work): Kafka => new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })

export async function consumeByKafkajs(work: Work, watch: Stopwatch): Promise<number> {
  const consumer = clientOf(work).consumer({ groupId: `bench-${process.pid}`, maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: work.topic, fromBeginning: true })
  let read = 0
  await new Promise<void>((resolve, reject) => {
    // A fresh broker's coordinator is not there at once; then the consumer starts again by itself.
    consumer.on('consumer.crash', ({ payload }) => {
      if (!payload.restart) reject(payload.error)
    })
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          watch.start()
          read += batch.messages.length
          watch.stop()
          if (read >= work.records) resolve()
        },
      })
      .catch(reject)
  })
  return read
}

export async function produceByKafkajs(work: Work, watch: Stopwatch): Promise<number> {
  const { topic, records, keys = 0, valueBytes = 200 } = work
  const values = valuesOf(valueBytes)
  const producer = clientOf(work).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  watch.start()
  for (let from = 0; from < records; from += SEND) {
    const count = Math.min(SEND, records - from)
    const messages = Array.from({ length: count }, (_, i) => {
      return { key: messageKeyAt(from + i, keys), value: valueAt(values, from + i) }
    })
    await producer.send({ topic, acks: -1, messages })
  }
  watch.stop()
  await producer.disconnect()
  return records
}
