// Groups that fail over: where they go on at the target is exact, whatever lies between.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer } from 'kafkajs'
import { expect, it } from 'vitest'
import { main } from '../../../../runtime/cli/main.ts'
import { run } from '../../../../runtime/index.ts'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../../runtime/testing/temporary-folder.ts'
import { commitOffsets, committedOffsets } from '../../../../src/connectors/kafka/client/group-offsets.ts'
import { job } from '../../../../src/index.ts'
import { type FromKafkaOptions, fromKafka, reports, toKafka } from '../../../../src/relay/index.ts'
import type { GroupPosition } from '../../../../src/relay/kafka/offsets-report.ts'
import { describeBroker, type TestBroker } from '../../../support/kafka-servers.ts'
import { openClient } from '../../connectors/kafka/client/open-client.ts'

type Flags = Readonly<Record<string, readonly string[]>>

describeBroker('millrace relay offsets', (broker) => {
  const copy = (topic: string, prefix: string, from: Partial<FromKafkaOptions> = {}, keptIn = broker.name('kept')) =>
    job(broker.name('copy'), (flow) => {
      const { brokers } = broker
      const stream = fromKafka(flow, 'from', { brokers, site: 'a', topics: topic, bounded: 'latest', ...from })
      toKafka(stream, 'to', { brokers, site: 'b', topics: { '*': `${prefix}*` }, groupOffsetsTopic: keptIn })
    })
  const report = async (flags: Flags): Promise<readonly GroupPosition[]> => {
    const { data } = await reports.offsets({ job: '', connection: { brokers: broker.brokers }, flags })
    return (data as { offsets: readonly GroupPosition[] }).offsets
  }

  const names = (topic: string) => {
    const name = (of: string) => broker.name(of)
    return { topic: name(topic), group: name('group'), keptIn: name('kept'), prefix: name('b-') }
  }

  it('takes a group on from the very record, by what the relay brought and by what the source says', async () => {
    const { topic, group, keptIn, prefix } = names('moved')
    await makeTopic(broker, topic, 3)
    await broker.produce(topic, numbered(90))
    const client = await openClient({ brokers: broker.brokers })
    const places = [12, 30, 0].map((offset, partition) => ({ topic, partition, offset }))
    await commitOffsets(client, group, places)
    const ran = await runJobHere(copy(topic, prefix, { groups: group, groupsIntervalMs: 100 }, keptIn))
    expect(ran.failure).toBeUndefined()
    const flags = { 'offsets-topic': [keptIn], group: [group] }
    const found = await report(flags)
    expect(found).toMatchObject(
      [12, 30, 0].map((origin, partition) => ({ site: 'a', group, partition, origin, missing: 0 })),
    )
    // What is read there from these offsets on is what was not read here.
    const rest = await readFrom(broker, `${prefix}${topic}`, found)
    const expected = numbered(90).filter(
      ({ partition, value }) => Math.floor(Number(value) / 3) >= (places[partition]?.offset ?? 0),
    )
    expect(rest.sort()).toEqual(expected.map(({ value }) => value).sort())
    expect(
      await report({ from: [broker.brokers], site: ['a'], rename: [`*=${prefix}*`], group: [group] }),
    ).toMatchObject(found.map(({ partition, offset }) => ({ partition, offset })))
    // Written, and only forward.
    expect((await report({ ...flags, commit: ['true'] })).map(({ result }) => result)).toEqual([
      'committed',
      'committed',
      'committed',
    ])
    expect((await report({ ...flags, commit: ['true'] })).map(({ result }) => result)).toEqual([
      'there already',
      'there already',
      'there already',
    ])
    const there = found.map(({ partition, offset }) => ({
      topic: `${prefix}${topic}`,
      partition,
      offset: (offset ?? 0) + 1,
    }))
    await commitOffsets(client, group, there)
    expect((await report({ ...flags, commit: ['true'] })).map(({ result }) => result)).toEqual([
      'further',
      'further',
      'further',
    ])
    const forced = await report({ ...flags, commit: ['true'], force: ['true'] })
    expect(forced.map(({ result }) => result)).toEqual(['committed', 'committed', 'committed'])
    await client.close()
  })

  it('says how many records are not here yet, and that a group has members', async () => {
    const { topic, group, keptIn, prefix } = names('behind')
    await makeTopic(broker, topic, 1)
    await broker.produce(topic, numbered(30, 1))
    const client = await openClient({ brokers: broker.brokers })
    await commitOffsets(client, group, [{ topic, partition: 0, offset: 25 }])
    const bounded = { offsets: { [topic]: { 0: 10 } } }
    await runJobHere(copy(topic, prefix, { groups: `${group.slice(0, -2)}*`, bounded }, keptIn))
    const flags = { 'offsets-topic': [keptIn] }
    expect(await report(flags)).toMatchObject([{ origin: 25, missing: 15, result: 'not asked', committed: null }])
    const consumer = broker.kafka.consumer({ groupId: group })
    await joined(consumer, `${prefix}${topic}`)
    expect(await report({ ...flags, commit: ['true'] })).toMatchObject([{ result: 'has members' }])
    await consumer.disconnect()
    expect(await report({ ...flags, topic: ['other'] })).toEqual([])
    expect(await report({ ...flags, site: ['other'] })).toEqual([])
    const other = await report({ from: [broker.brokers], site: ['a'], rename: ['*=nowhere.*'], group: [group] })
    expect(other).toMatchObject([{ offset: null, result: 'no partition' }])
    await client.close()
  })

  it('hears of what groups commit while the relay runs', async () => {
    const { topic, group, keptIn, prefix } = names('heard')
    await makeTopic(broker, topic, 1)
    await broker.produce(topic, numbered(20, 1))
    const client = await openClient({ brokers: broker.brokers })
    const live = job(broker.name('live'), (flow) => {
      const { brokers } = broker
      const options = { brokers, site: 'a', topics: topic, groups: [group], groupsIntervalMs: 100 }
      const to = { brokers, site: 'b', topics: { '*': `${prefix}*` }, groupOffsetsTopic: keptIn }
      toKafka(fromKafka(flow, 'from', options), 'to', to)
    })
    await inTemporaryFolder(async (dataDir) => {
      const running = run(live, { dataDir, inProcess: true, checkpoint: { intervalMs: 50 } })
      for (const offset of [5, 19]) {
        await commitOffsets(client, group, [{ topic, partition: 0, offset }])
        await expect
          .poll(() => report({ 'offsets-topic': [keptIn] }))
          .toMatchObject([{ group, origin: offset, missing: 0 }])
      }
      await running.stop()
      await running.result
    })
    await client.close()
  })

  it('is a command', async () => {
    const { topic, group, keptIn, prefix } = names('told')
    await makeTopic(broker, topic, 1)
    await broker.produce(topic, numbered(9, 1))
    const client = await openClient({ brokers: broker.brokers })
    await commitOffsets(client, group, [{ topic, partition: 0, offset: 4 }])
    await runJobHere(copy(topic, prefix, { groups: group }, keptIn))
    const args = ['relay', 'offsets', '--brokers', broker.brokers, '--offsets-topic', keptIn, '--group', group]
    const told = await millrace(...args, '--commit')
    expect(told).toMatch(new RegExp(`${group} +a +${prefix}${topic}/0 +4 .* +4 +0 +committed`))
    expect((await committedOffsets(client, group)).get(`${prefix}${topic}/0`)?.offset).toBe(4)
    expect(await millrace(...args, '--commit')).toMatch(/there already/)
    await client.close()
  })

  it('refuses flags that cannot be', async () => {
    await expect(report({ from: [broker.brokers] })).rejects.toThrow(/--site/)
    await expect(report({ from: ['/no/such/file'], site: ['a'] })).rejects.toThrow(/--from/)
    await expect(report({ from: [broker.brokers], site: ['a'], rename: ['x'] })).rejects.toThrow(/--rename/)
  })
})

/** What the command says. */
async function millrace(...args: string[]): Promise<string> {
  let out = ''
  const stream = { write: (text: string) => (out += text) } as unknown as NodeJS.WriteStream
  expect(await main('millrace', args, { stdout: stream, stderr: stream, env: {} })).toBe(0)
  return out
}

async function makeTopic(broker: TestBroker, topic: string, numPartitions: number): Promise<void> {
  const admin = broker.kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions }] })
  await admin.disconnect()
}

const numbered = (count: number, partitions = 3) =>
  Array.from({ length: count }, (_, i) => ({ partition: i % partitions, value: `${i}` }))

/** What is there at these offsets and behind them. */
async function readFrom(broker: TestBroker, topic: string, from: readonly GroupPosition[]): Promise<string[]> {
  const records = await broker.readEnded(topic)
  return records
    .filter(({ partition, offset }) => offset >= (from.find((one) => one.partition === partition)?.offset ?? 0))
    .map(({ value }) => String(value))
}

async function joined(consumer: Consumer, topic: string): Promise<void> {
  const joining = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()))
  await consumer.connect()
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({ autoCommit: false, eachMessage: () => sleep(0) })
  await joining
}
