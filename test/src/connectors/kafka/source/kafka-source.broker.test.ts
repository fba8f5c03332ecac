// What a broker does to a source that reads from it: it goes away and comes back, compacts, forbids, and loses what it had.

import { setTimeout as sleep } from 'node:timers/promises'
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, type Message, ResourcePatternTypes } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import type { KafkaSourceOptions, KafkaStartup } from '../../../../../src/connectors/kafka/source/options.ts'
import {
  allow,
  type BrokerProcess,
  clientOf,
  describePrivateBrokers,
  startBroker,
} from '../../../../support/kafka-servers.ts'
import { inLife, SourceLife } from './source-life.ts'

const numbers = (from: number, to: number): Message[] =>
  Array.from({ length: to - from }, (_, i) => ({ value: String(from + i) }))
const values = (messages: readonly Message[]): string[] => messages.map(({ value }) => String(value))

describePrivateBrokers('kafkaSource and its broker', () => {
  let broker: BrokerProcess
  let client: ReturnType<typeof clientOf>
  beforeAll(async () => {
    broker = await startBroker({
      options: [
        'log.cleaner.backoff.ms=100',
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users=User:ANONYMOUS',
      ],
    })
    client = clientOf(broker)
  })
  afterAll(async () => {
    await client.close()
    await broker.stop()
  })
  const source = (options: Partial<KafkaSourceOptions<string>>) =>
    kafkaSource<string>({ brokers: broker.brokers, topics: '', format: text(), ...options })
  /** By a producer of its own: a broker that was away is none of its past. */
  async function produce(topic: string, messages: readonly Message[]): Promise<void> {
    const producer = client.kafka.producer()
    await producer.connect()
    await producer.send({ topic, messages: [...messages] })
    await producer.disconnect()
  }

  it('goes on when the broker is killed and comes back', async () => {
    const topics = await client.topic('killed')
    const before = numbers(0, 20_000)
    for (let n = 0; n < before.length; n += 1_000) await produce(topics, before.slice(n, n + 1_000))
    await inLife(source({ topics, bufferBytesMax: 50_000 }), {}, async (life) => {
      const got = await life.take(5_000)
      for (let round = 0; round < 2; round += 1) {
        await broker.kill()
        const restarted = sleep(300).then(() => broker.start())
        got.push(...(await life.take(5_000)))
        await restarted
      }
      got.push(...(await life.take(5_000)))
      await produce(topics, numbers(20_000, 20_010))
      got.push(...(await life.take(10)))
      expect(got).toEqual(values(numbers(0, 20_010)))
    })
  })

  it('waits without a word for a broker that stands still, and stops for one that stays away, naming it', async () => {
    const topics = await client.topic('away')
    await produce(topics, numbers(0, 3))
    await inLife(source({ topics, retryMaxMs: 5_000, requestTimeoutMs: 10_000 }), {}, async (life) => {
      expect(await life.take(3)).toEqual(['0', '1', '2'])
      broker.pause()
      expect(await life.take(1, 1_000)).toEqual([])
      broker.resume()
      await produce(topics, numbers(3, 4))
      expect(await life.take(1)).toEqual(['3'])
      await broker.kill()
      const failure = await life.failure()
      await broker.start()
      expect(failure).toMatchObject({ code: 'SOURCE_FAILED' })
      expect(String(failure)).toContain(broker.brokers)
      expect(life.logged).toContain('partitions cannot be fetched: trying again')
    })
  })

  it('fails at the start where no broker answers, naming the address', async () => {
    const failure = await SourceLife.begin(source({ topics: 'any', brokers: '127.0.0.1:9', retryMaxMs: 300 })).catch(
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code: 'SOURCE_FAILED' })
    expect(String(failure)).toContain('127.0.0.1:9')
  })

  it('stops where the log it has read was cut back and written anew', async () => {
    const topics = await client.topic('unclean')
    await produce(topics, numbers(0, 10))
    const early = await inLife(source({ topics }), {}, async (life) => {
      await life.take(10)
      return life.checkpoint()
    })
    // A restart begins another leader epoch.
    await broker.restart()
    await produce(topics, numbers(10, 20))
    const late = await inLife(source({ topics }), { restore: early }, async (life) => {
      expect(await life.take(5)).toEqual(values(numbers(10, 15)))
      return life.checkpoint()
    })
    const [[was], [is]] = [early.splits, late.splits]
    expect(is?.epoch).toBeGreaterThan(was?.epoch as number)
    await inLife(source({ topics }), { restore: late }, async (life) => {
      expect(await life.take(5)).toEqual(values(numbers(15, 20)))
    })
    // As if the broker that had records 10 to 14 of the former epoch were lost, and another had gone on from 9.
    const split = { ...is, epoch: was?.epoch } as NonNullable<typeof is>
    await inLife(source({ topics }), { restore: { ...late, splits: [split] } }, async (life) => {
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'LOG_GONE' })
      expect(String(failure)).toContain(`offset 15 of ${topics}/0: the broker's log is another one behind offset 10`)
    })
    await inLife(source({ topics }), { restore: { ...late, splits: [{ ...split, offset: 40 }] } }, async (life) => {
      expect(await life.failure()).toMatchObject({ code: 'LOG_GONE' })
    })
  })

  it('reads on where compaction has left gaps', async () => {
    const topics = await client.topic('compacted', 1, {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.001',
    })
    for (let n = 0; n < 30; n += 1) await produce(topics, [{ key: `k${n % 3}`, value: String(n) }])
    const read = (startup: KafkaStartup) =>
      inLife(source({ topics, startup, bounded: 'latest' }), {}, async (life) => {
        return (await life.take()).filter((value) => value !== 'last').map(Number)
      })
    for (let found = await read('earliest'); found.length === 30; found = await read('earliest')) {
      await sleep(100)
      // Only what is behind the segment written to is compacted.
      await produce(topics, [{ key: 'k0', value: 'last' }])
    }
    const left = await read({ offsets: { [topics]: { 0: 1 } } })
    expect(left.length).toBeLessThan(29)
    expect(left).toEqual(left.toSorted((a, b) => a - b))
    expect(left.slice(-2)).toEqual([28, 29])
  })

  it('names the topic that it may not read', async () => {
    const topics = await client.topic('forbidden')
    await produce(topics, numbers(0, 1))
    const sasl = { mechanism: 'plain', username: 'millrace', password: 'millrace' } as const
    const mine = () => source({ topics, brokers: broker.sasl, sasl, retryMaxMs: 500 })
    const unseen = await SourceLife.begin(mine()).catch((error: unknown) => error)
    expect(unseen).toMatchObject({ code: 'SOURCE_SETTING' })
    expect(String(unseen)).toContain(topics)
    const admin = client.kafka.admin()
    await admin.connect()
    const to = (operation: AclOperationTypes) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topics,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:millrace',
      host: '*',
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    })
    await allow(admin, to(AclOperationTypes.DESCRIBE))
    await inLife(mine(), {}, async (life) => {
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'SOURCE_SETTING' })
      expect(String(failure)).toContain(`Fetch of ${topics}/0 at 0: TOPIC_AUTHORIZATION_FAILED`)
    })
    await allow(admin, to(AclOperationTypes.READ))
    await inLife(mine(), {}, async (life) => expect(await life.take(1)).toEqual(['0']))
    await admin.disconnect()
  })
})
