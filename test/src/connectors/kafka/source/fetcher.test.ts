import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { KafkaClient } from '../../../../../src/connectors/kafka/client/kafka-client.ts'
import { parseConnectionOptions } from '../../../../../src/connectors/kafka/connection.ts'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'
import { Fetcher } from '../../../../../src/connectors/kafka/source/fetcher.ts'
import { PartitionQueue } from '../../../../../src/connectors/kafka/source/partition-queue.ts'
import { SourceTrouble } from '../../../../../src/connectors/kafka/source/source-trouble.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { runtimeContext } from '../../../../support/runtime-context.ts'

const PARTITIONS = 4
const BUFFER_BYTES = 40_000
const BATCH_BYTES = 2_300

describeBroker('Fetcher', (broker) => {
  it('holds no more than it may while nobody reads, and all of it comes when somebody does (I2)', async () => {
    const topic = await broker.topic('fetcher', PARTITIONS)
    const value = 'x'.repeat(1_000)
    const two = Array.from({ length: 2 * PARTITIONS }, (_, n) => ({ value, partition: n % PARTITIONS }))
    for (let n = 0; n < 100; n += 1) await broker.produce(topic, two)
    const context = runtimeContext({ clock: systemClock })
    const { clock, logger } = context
    const settings = parseConnectionOptions({ brokers: broker.brokers }, 'test')
    const client = await KafkaClient.open(settings, { clock, logger, name: 'test' })
    const queues = Array.from({ length: PARTITIONS }, (_, partition) => {
      return new PartitionQueue({ id: `${topic}/${partition}`, topic, topicId: null, partition, offset: 0 })
    })
    let failure: unknown
    const fetcher = new Fetcher({
      clock,
      client,
      trouble: new SourceTrouble({ context, client, retryMaxMs: 240_000 }),
      readCommitted: true,
      fetchBytesMax: 1 << 20,
      bufferBytesMax: BUFFER_BYTES,
      fetched: () => {},
      failed: (error) => {
        failure = error
      },
    })
    const held = (): number => queues.reduce((sum, { bytes }) => sum + bytes, 0)
    for (const queue of queues) fetcher.add(queue)
    while (queues.some(({ bytes }) => bytes === 0)) await sleep(5)
    await sleep(700)
    expect(held()).toBeLessThanOrEqual(BUFFER_BYTES + PARTITIONS * BATCH_BYTES)
    for (const queue of queues) {
      const records: KafkaRecord[] = []
      while (records.length < 200) {
        const before = records.length
        queue.take(7, records)
        fetcher.drained(queue.split.id)
        expect(held()).toBeLessThanOrEqual(BUFFER_BYTES + PARTITIONS * BATCH_BYTES)
        if (records.length === before) await sleep(2)
      }
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    }
    expect(failure).toBeUndefined()
    fetcher.close()
    await client.close()
  })
})
