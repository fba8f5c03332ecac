import { expect, it } from 'vitest'
import { commitOffsets, committedOffsets } from '../../../../../src/connectors/kafka/client/group-offsets.ts'
import { brokerRelease, topicOperations } from '../../../../../src/connectors/kafka/client/preflight.ts'
import {
  brokerConfig,
  describedConfig,
  ensureTopic,
  groupByLeader,
  growTopic,
  listOffsets,
  topicConfig,
} from '../../../../../src/connectors/kafka/client/topics.ts'
import { describeBroker, describePrivateBrokers, runKafkaTool, startBroker } from '../../../../support/kafka-servers.ts'
import { openClient } from './open-client.ts'

const failure = (kind: string, message = '') =>
  expect.objectContaining({ kind, message: expect.stringContaining(message) })

describeBroker('Topics of a KafkaClient', (broker) => {
  it('makes a topic once, however many ask for it, and leaves one that is there as it is', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = broker.name('ensure')
    const wanted = { topic, partitions: 3, replication: 1, config: { 'cleanup.policy': 'compact' } }
    const made = await Promise.all([1, 2, 3, 4].map(() => ensureTopic(client, wanted)))
    expect(made).toEqual([1, 2, 3, 4].map(() => ({ name: topic, partitions: 3, internal: false })))
    expect(await ensureTopic(client, { topic, partitions: 7 })).toMatchObject({ partitions: 3 })
    const config = await topicConfig(client, topic)
    expect(config.get('cleanup.policy')).toBe('compact')
    expect(config.size).toBeGreaterThan(10)
    expect(await topicConfig(client, topic, ['cleanup.policy'])).toEqual(new Map([['cleanup.policy', 'compact']]))
    expect(await ensureTopic(client, { topic: broker.name('ensure') })).toMatchObject({ partitions: 1 })
  })

  it('adds partitions up to what is asked for, however many ask, and never takes any away', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = await broker.topic('grow', 2)
    await Promise.all([5, 5, 3].map((count) => growTopic(client, topic, count)))
    await growTopic(client, topic, 1)
    expect((await client.topics([topic])).get(topic)?.partitions).toBe(5)
    await broker.produce(topic, [{ partition: 4, value: 'x' }])
  })

  it('tells what is set for the very topic', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const config = { 'retention.ms': '1000', 'cleanup.policy': 'compact' }
    const described = await describedConfig(client, await broker.topic('own', 1, config), [
      ...Object.keys(config),
      'segment.ms',
    ])
    expect([...described.own].sort()).toEqual(Object.keys(config).sort())
    expect(Object.fromEntries(described.values)).toEqual({ ...config, 'segment.ms': '604800000' })
    expect((await describedConfig(client, await broker.topic('own'))).own.size).toBe(0)
  })

  it('says why a topic cannot be made', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = broker.name('ensure')
    await expect(ensureTopic(client, { topic, replication: 3 })).rejects.toThrow(
      failure('INVALID_REPLICATION_FACTOR', `Creating topic "${topic}"`),
    )
    await expect(ensureTopic(client, { topic, config: { 'no.such': '1' } })).rejects.toThrow(
      failure('INVALID_CONFIG', 'no.such'),
    )
    await expect(ensureTopic(client, { topic, partitions: 0 })).rejects.toThrow(failure('INVALID_PARTITIONS'))
  })

  it('looks offsets up: earliest, latest, by time', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = await broker.topic('offsets', 2)
    const message = (partition: number, timestamp: number) => ({ partition, value: 'x', timestamp: String(timestamp) })
    const base = Date.now() - 10_000
    for (const at of [0, 1000, 2000]) await broker.produce(topic, [message(0, base + at)])
    const partitions = [0, 1].map((partition) => ({ topic, partition }))
    const offsets = async (...more: [Parameters<typeof listOffsets>[2], boolean?]) =>
      [...(await listOffsets(client, partitions, ...more))]
        .map(([name, { offset }]) => `${name.at(-1)}:${offset}`)
        .sort()
    expect(await offsets('earliest')).toEqual(['0:0', '1:0'])
    expect(await offsets('latest')).toEqual(['0:3', '1:0'])
    expect(await offsets('latest', false)).toEqual(['0:3', '1:0'])
    expect(await offsets({ timestampMs: base + 1 })).toEqual(['0:1', '1:-1'])
    const exact = await listOffsets(client, partitions.slice(0, 1), { timestampMs: base + 2000 })
    expect(exact).toEqual(new Map([[`${topic}/0`, { offset: 2, timestampMs: base + 2000 }]]))
    expect([...(await groupByLeader(client, partitions)).values()]).toEqual([partitions])
  })

  it('ends before an open transaction for read_committed, behind it for read_uncommitted', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = await broker.topic('offsets')
    await broker.produce(topic, [{ value: 'before' }])
    const producer = broker.kafka.producer({ transactionalId: broker.name('txn'), maxInFlightRequests: 1 })
    await producer.connect()
    const open = await producer.transaction()
    await open.send({ topic, messages: [{ value: 'in it' }] })
    const partitions = [{ topic, partition: 0 }]
    const latest = async (readCommitted: boolean) =>
      (await listOffsets(client, partitions, 'latest', readCommitted)).get(`${topic}/0`)?.offset
    expect([await latest(true), await latest(false)]).toEqual([1, 2])
    await open.abort()
    await producer.disconnect()
    await expect.poll(() => latest(true)).toBe(3)
  })

  it('gives up on a topic that does not come', async () => {
    const client = await openClient({ brokers: broker.brokers })
    await expect(listOffsets(client, [{ topic: broker.name('nowhere'), partition: 0 }], 'latest')).rejects.toThrow(
      failure('UNKNOWN_TOPIC_OR_PARTITION'),
    )
  })

  it('commits offsets to a group without members and has them back', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const [one, two] = [await broker.topic('group', 2), await broker.topic('group')]
    const group = broker.name('group')
    expect(await committedOffsets(client, group)).toEqual(new Map())
    expect(await committedOffsets(client, group, [{ topic: one, partition: 0 }])).toEqual(new Map())
    await commitOffsets(client, group, [
      { topic: one, partition: 0, offset: 5 },
      { topic: one, partition: 1, offset: 2 ** 40, metadata: '{"epoch":3}' },
      { topic: two, partition: 0, offset: 0 },
    ])
    const all = new Map([
      [`${one}/0`, { offset: 5, metadata: '' }],
      [`${one}/1`, { offset: 2 ** 40, metadata: '{"epoch":3}' }],
      [`${two}/0`, { offset: 0, metadata: '' }],
    ])
    expect(await committedOffsets(client, group)).toEqual(all)
    const some = [
      { topic: one, partition: 1 },
      { topic: two, partition: 0 },
    ]
    expect([...(await committedOffsets(client, group, some)).keys()]).toEqual([`${one}/1`, `${two}/0`])
    await expect(
      commitOffsets(client, group, [{ topic: broker.name('nowhere'), partition: 0, offset: 1 }]),
    ).rejects.toThrow(failure('UNKNOWN_TOPIC_OR_PARTITION', `group "${group}"`))
  })

  it('says when a group has members already', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = await broker.topic('group')
    const group = broker.name('group')
    const consumer = broker.kafka.consumer({ groupId: group })
    await consumer.connect()
    await consumer.subscribe({ topic })
    const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve))
    await consumer.run({ eachMessage: async () => {} })
    await joined
    await expect(commitOffsets(client, group, [{ topic, partition: 0, offset: 1 }])).rejects.toThrow(
      failure('UNKNOWN_MEMBER_ID', 'groupId'),
    )
    await consumer.disconnect()
  })

  it('knows the release, the configuration of brokers, and what is allowed', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const topic = await broker.topic('allowed')
    expect(await brokerRelease(client)).toBe('4.2')
    expect(Number(await brokerConfig(client, 'transaction.max.timeout.ms'))).toBeGreaterThan(0)
    expect(await brokerConfig(client, 'no.such')).toBeUndefined()
    const topics = await topicOperations(client, [topic])
    expect([...(topics.get(topic) ?? [])]).toEqual(expect.arrayContaining(['Read', 'Write', 'Describe']))
  })
})

describePrivateBrokers('Topics of a KafkaClient', () => {
  it('knows what little a principal may do', async () => {
    const broker = await startBroker({
      options: [
        'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users=User:ANONYMOUS',
      ],
    })
    const admin = await openClient({ brokers: broker.brokers })
    await ensureTopic(admin, { topic: 'seen' })
    const acl = ['--add', '--allow-principal', 'User:millrace', '--operation', 'Describe', '--topic', 'seen']
    await runKafkaTool('org.apache.kafka.tools.AclCommand', ['--bootstrap-server', broker.brokers, ...acl])
    const sasl = { mechanism: 'plain', username: 'millrace', password: 'millrace' } as const
    const client = await openClient({ brokers: broker.sasl, sasl })
    expect(await topicOperations(client, ['seen'])).toEqual(new Map([['seen', new Set(['Describe'])]]))
    expect((await listOffsets(client, [{ topic: 'seen', partition: 0 }], 'latest')).get('seen/0')?.offset).toBe(0)
    expect(await brokerConfig(client, 'transaction.max.timeout.ms')).toBeUndefined()
    await expect(topicConfig(client, 'any')).rejects.toThrow(
      failure('TOPIC_AUTHORIZATION_FAILED', 'the principal User:millrace lacks an ACL'),
    )
    await broker.stop()
  })

  it('finds the partitions again when the broker comes back elsewhere in time', async () => {
    const broker = await startBroker()
    const client = await openClient({ brokers: broker.brokers })
    await ensureTopic(client, { topic: 'restarts', partitions: 2 })
    const partitions = [0, 1].map((partition) => ({ topic: 'restarts', partition }))
    await commitOffsets(client, 'group', [{ topic: 'restarts', partition: 0, offset: 3 }])
    await broker.kill()
    const offsets = listOffsets(client, partitions, 'latest')
    const committed = committedOffsets(client, 'group')
    await broker.start()
    expect((await offsets).size).toBe(2)
    expect((await committed).get('restarts/0')?.offset).toBe(3)
    await broker.stop()
  })
})
