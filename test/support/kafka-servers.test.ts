import { readFile } from 'node:fs/promises'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import {
  clientOf,
  describeBroker,
  describePrivateBrokers,
  KafkaReader,
  runKafkaTool,
  startBroker,
  startProxiedBroker,
} from './kafka-servers.ts'

const values = (records: readonly { value: Buffer | null }[]): string[] => records.map(({ value }) => String(value))

describeBroker('the shared broker', (broker) => {
  it('gives topics of their own, and a reader that sees what is committed alone', async () => {
    const topic = await broker.topic('seen', 2)
    expect(await broker.readAll(topic)).toEqual([])
    await broker.produce(topic, [{ partition: 1, key: 'k', value: 'plain', headers: { h: ['a', 'b'] } }])
    const [record] = await broker.readAll(topic)
    expect(record).toMatchObject({
      partition: 1,
      offset: 0,
      key: Buffer.from('k'),
      headers: { h: [Buffer.from('a'), Buffer.from('b')] },
    })
    const producer = broker.kafka.producer({ transactionalId: broker.name(), idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    onTestFinished(() => producer.disconnect())
    const reader = await KafkaReader.open(broker.brokers, topic)
    onTestFinished(() => reader.close())
    const seen: string[] = []
    const transact = async (value: string, end: 'commit' | 'abort'): Promise<void> => {
      const transaction = await producer.transaction()
      await transaction.send({
        topic,
        messages: [
          { partition: 0, value },
          { partition: 1, value },
        ],
      })
      expect(await broker.readAll(topic, 'read_uncommitted')).not.toEqual([])
      seen.push(...values(await reader.poll()))
      expect(seen).not.toContain(value)
      await transaction[end]()
    }
    await transact('gone', 'abort')
    await transact('there', 'commit')
    await transact('gone too', 'abort')
    await expect.poll(() => broker.readAll(topic).then(values)).toEqual(['there', 'plain', 'there'])
    expect([...seen, ...values(await reader.poll())]).toEqual(['plain', 'there', 'there'])
    const java = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', broker.brokers, '--topic', topic, '--from-beginning', '--max-messages', '3'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '20000'],
    ])
    expect(java.trim().split('\n').sort()).toEqual(['plain', 'there', 'there'])
  })
})

describePrivateBrokers('private brokers', () => {
  it('keep what was acknowledged through a kill, and take other properties', async () => {
    const broker = await startBroker()
    onTestFinished(() => broker.kill())
    const client = clientOf(broker)
    const topic = await client.topic()
    await client.produce(topic, [{ value: 'kept' }])
    await client.close()
    await broker.kill()
    await broker.start(['message.max.bytes=100'])
    const after = clientOf(broker)
    expect(values(await after.readAll(topic))).toEqual(['kept'])
    await expect(after.produce(topic, [{ value: 'x'.repeat(200) }])).rejects.toThrow('larger than the max')
    await after.close()
  })

  it('are reached through a proxy, by TLS and with a password', async () => {
    const { broker, proxy } = await startProxiedBroker()
    onTestFinished(async () => {
      await proxy.close()
      await broker.kill()
    })
    const topics = async (brokers: string, options: object = {}): Promise<string[]> => {
      const admin = new Kafka({
        brokers: [brokers],
        logLevel: logLevel.NOTHING,
        retry: { retries: 0 },
        ...options,
      }).admin()
      onTestFinished(() => admin.disconnect())
      await admin.connect()
      return await admin.listTopics()
    }
    const admin = new Kafka({ brokers: [`127.0.0.1:${proxy.port}`], logLevel: logLevel.NOTHING }).admin()
    onTestFinished(() => admin.disconnect())
    await admin.connect()
    expect((await admin.describeCluster()).brokers).toMatchObject([{ port: proxy.port }])
    expect(proxy.accepted).toBe(1)
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'])
      expect(await topics(broker.sasl, { sasl: { mechanism, username: 'millrace', password: 'millrace' } })).toEqual([])
    await expect(
      topics(broker.sasl, { sasl: { mechanism: 'plain', username: 'millrace', password: 'x' } }),
    ).rejects.toThrow('Authentication')
    expect(await topics(broker.tls, { ssl: { ca: await readFile(broker.caFile, 'utf8') } })).toEqual([])
    await expect(topics(broker.tls, { ssl: true })).rejects.toThrow('self-signed')
  })
})
