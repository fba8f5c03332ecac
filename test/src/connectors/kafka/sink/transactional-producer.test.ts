import { expect, it } from 'vitest'
import { endTxn } from '../../../../../src/connectors/kafka/client/apis/end-txn.ts'
import type { KafkaClient } from '../../../../../src/connectors/kafka/client/kafka-client.ts'
import { BatchQueue } from '../../../../../src/connectors/kafka/sink/batch-queue.ts'
import { MOVES, TransactionalProducer } from '../../../../../src/connectors/kafka/sink/transactional-producer.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { openClient } from '../client/open-client.ts'

const producerOf = (client: KafkaClient, transactionalId: string): TransactionalProducer =>
  new TransactionalProducer({
    client,
    transactionalId,
    timeoutMs: 60_000,
    retry: (what, work) => client.retry(what, work),
  })

/** Writes one record in the producer's transaction. */
async function send(client: KafkaClient, producer: TransactionalProducer, id: string, topic: string, value: string) {
  const queue = new BatchQueue(producer.identity, {
    client,
    clock: systemClock,
    compression: 'none',
    batchBytes: 1024,
    bufferBytes: 1_000_000,
    lingerMs: 0,
    requestTimeoutMs: 10_000,
    retry: (what, work) => client.retry(what, work),
    transactionalId: id,
    enlist: (partitions) => producer.enlist(partitions),
  })
  queue.append(queue.addTopic(topic, 1, 1_000_000), {
    key: null,
    value,
    headers: [],
    timestampMs: Date.now(),
    partition: 0,
  })
  await queue.flush()
}

it('has states that all lead somewhere but the last', () => {
  const states = Object.keys(MOVES)
  const targets = Object.values(MOVES).flat()
  expect(states.filter((state) => state !== 'new' && !(targets as string[]).includes(state))).toEqual([])
  expect(Object.entries(MOVES).flatMap(([state, next]) => (next.length === 0 ? [state] : []))).toEqual(['fenced'])
})

describeBroker('TransactionalProducer', (broker) => {
  const valuesOf = async (topic: string) => (await broker.readEnded(topic)).map(({ value }) => `${value}`)

  it('I1: a late EndTxn of a transaction before ends nothing', async () => {
    const topic = await broker.topic('late')
    const client = await openClient({ brokers: broker.brokers })
    const producer = producerOf(client, topic)
    await producer.init()
    await send(client, producer, topic, topic, 'broken off')
    const former = producer.identity
    producer.breakOff()
    expect(producer.state).toBe('broken')
    await producer.recover()

    await send(client, producer, topic, topic, 'first half')
    const late = { transactionalId: topic, producer: former, committed: true }
    const { code } = await client.send(await client.coordinator('transaction', topic), endTxn, late)
    // INVALID_PRODUCER_EPOCH or PRODUCER_FENCED
    expect([47, 90]).toContain(code)
    // It is open still.
    expect(await broker.readAll(topic)).toEqual([])
    await producer.enlist([{ topic, partition: 0 }])
    await producer.commit()
    expect(await valuesOf(topic)).toEqual(['first half'])
  })

  it('I2: recovering does not fence a successor', async () => {
    const topic = await broker.topic('successor')
    const client = await openClient({ brokers: broker.brokers })
    const zombie = producerOf(client, topic)
    await zombie.init()
    await send(client, zombie, topic, topic, 'of a zombie')
    const successor = producerOf(client, topic)
    await successor.init()
    await send(client, successor, topic, topic, 'of its successor')
    zombie.breakOff()
    await expect(zombie.recover()).rejects.toMatchObject({
      kind: expect.stringMatching(/INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/),
    })
    expect(zombie.state).toBe('fenced')
    await successor.commit()
    expect(await valuesOf(topic)).toEqual(['of its successor'])
  })

  it('I3: does nothing in a state in which it must not', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const producer = producerOf(client, broker.name('id'))
    await expect(producer.commit()).rejects.toMatchObject({ code: 'INVARIANT' })
    await producer.init()
    await expect(producer.init()).rejects.toMatchObject({ code: 'INVARIANT' })
    await expect(producer.commit()).rejects.toMatchObject({ code: 'INVARIANT' })
  })

  it('names the group or id that may not be used', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const producer = new TransactionalProducer({
      client,
      transactionalId: broker.name('id'),
      timeoutMs: 10_000_000,
      retry: (what, work) => client.retry(what, work),
    })
    await expect(producer.init()).rejects.toMatchObject({ kind: 'INVALID_TRANSACTION_TIMEOUT' })
  })
})
