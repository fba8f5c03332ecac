import { expect, it } from 'vitest'
import {
  initProducerId,
  type ProducerIdentity,
} from '../../../../../src/connectors/kafka/client/apis/init-producer-id.ts'
import { throwIfFailed } from '../../../../../src/connectors/kafka/client/failure.ts'
import type { KafkaClient } from '../../../../../src/connectors/kafka/client/kafka-client.ts'
import { BatchQueue, type BatchQueueOptions } from '../../../../../src/connectors/kafka/sink/batch-queue.ts'
import type { TopicQueue } from '../../../../../src/connectors/kafka/sink/topic-queue.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { openClient } from '../client/open-client.ts'

const optionsOf = (client: KafkaClient, more: Partial<BatchQueueOptions> = {}): BatchQueueOptions => ({
  client,
  clock: systemClock,
  compression: 'none',
  batchBytes: 100_000,
  bufferBytes: 1_000_000,
  lingerMs: 60_000,
  requestTimeoutMs: 10_000,
  retry: (what, work) => client.retry(what, work),
  transactionalId: null,
  ...more,
})

async function identityFrom(client: KafkaClient): Promise<ProducerIdentity> {
  const request = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1, producerEpoch: -1 }
  return client.retry('InitProducerId', async () => {
    const answer = await client.send(await client.anyNode(), initProducerId, request)
    throwIfFailed(answer.code, 'InitProducerId')
    return answer
  })
}

const append = (queue: BatchQueue, topic: TopicQueue, value: string): void =>
  queue.append(topic, { key: null, value, headers: [], timestampMs: Date.now(), partition: 0 })

describeBroker('BatchQueue', (broker) => {
  const valuesOf = async (topic: string) => (await broker.readEnded(topic)).map(({ value }) => `${value}`)

  it('I2: goes on in order under another producer id when the broker refuses its sequence', async () => {
    const name = await broker.topic('renewed')
    const client = await openClient({ brokers: broker.brokers })
    const identity = await identityFrom(client)
    // Another one has used the producer's numbers: from now on they are refused.
    const other = new BatchQueue(identity, optionsOf(client))
    const theirs = other.addTopic(name, 1, 1_000_000)
    for (const value of ['a', 'b', 'c']) append(other, theirs, value)
    await other.flush()

    let renewals = 0
    const renew = (): Promise<ProducerIdentity> => {
      renewals += 1
      return identityFrom(client)
    }
    const queue = new BatchQueue(identity, optionsOf(client, { batchBytes: 400, renew }))
    const topic = queue.addTopic(name, 1, 1_000_000)
    const values = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(20, '.'))
    for (const value of values) append(queue, topic, value)
    await queue.flush()
    expect(renewals).toBe(1)
    expect(await valuesOf(name)).toEqual(['a', 'b', 'c', ...values])
  })

  it('I3: is full at its limit, and has room when batches are acknowledged', async () => {
    const name = await broker.topic('bounded')
    const client = await openClient({ brokers: broker.brokers })
    const queue = new BatchQueue(await identityFrom(client), optionsOf(client, { bufferBytes: 10_000 }))
    const topic = queue.addTopic(name, 1, 1_000_000)
    let written = 0
    for (let waits = 0; waits < 5; waits += 1) {
      for (; !queue.isFull; written += 1) append(queue, topic, 'x'.repeat(1000))
      await queue.room()
      expect(queue.isFull).toBe(false)
    }
    await queue.flush()
    expect(written).toBeGreaterThan(40)
    expect((await valuesOf(name)).length).toBe(written)
  })

  it('I3: sends what waits after lingerMs without being asked', async () => {
    const name = await broker.topic('linger')
    const client = await openClient({ brokers: broker.brokers })
    const queue = new BatchQueue(await identityFrom(client), optionsOf(client, { lingerMs: 20 }))
    const topic = queue.addTopic(name, 1, 1_000_000)
    append(queue, topic, 'alone')
    while ((await valuesOf(name)).length === 0);
    append(queue, topic, 'and again')
    while ((await valuesOf(name)).length === 1);
    expect(await valuesOf(name)).toEqual(['alone', 'and again'])
  })

  it('I4: throws what has failed at each call', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const queue = new BatchQueue(await identityFrom(client), optionsOf(client))
    const topic = queue.addTopic(await broker.topic('failed', 1, { 'max.message.bytes': '1000' }), 1, 1_000_000)
    append(queue, topic, 'x'.repeat(2000))
    await expect(queue.flush()).rejects.toMatchObject({ kind: 'MESSAGE_TOO_LARGE' })
    await expect(queue.flush()).rejects.toMatchObject({ kind: 'MESSAGE_TOO_LARGE' })
    expect(() => append(queue, topic, 'y')).toThrow('MESSAGE_TOO_LARGE')
  })
})

it('needs no broker to be abandoned', async () => {
  const queue = new BatchQueue({ id: 1, epoch: 0 }, optionsOf(undefined as unknown as KafkaClient))
  append(queue, queue.addTopic('t', 1, 1000), 'x')
  await queue.abandon(new Error('closed'))
  await expect(queue.flush()).rejects.toThrow('closed')
})
