// What one cluster has, in the same or another one: fromKafka and toKafka without a line between.

import { firstValueFrom } from 'rxjs'
import { filter } from 'rxjs/operators'
import { expect, it } from 'vitest'
import { run } from '../../../../runtime/index.ts'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../../runtime/testing/temporary-folder.ts'
import { job } from '../../../../src/index.ts'
import { type FromKafkaOptions, fromKafka, type ToKafkaOptions, toKafka } from '../../../../src/relay/index.ts'
import { describeBroker, type TestBroker } from '../../../support/kafka-servers.ts'
import { copied, partitionsOf, produceAll } from './copied.ts'

const AN_HOUR_AGO = Date.now() - 3_600_000

interface Ends {
  readonly from?: Partial<FromKafkaOptions>
  readonly to?: Partial<ToKafkaOptions>
}

describeBroker('fromKafka to toKafka', (broker) => {
  const copy = (topics: string | readonly string[], prefix: string, { from, to }: Ends = {}) =>
    job(broker.name('copy'), (flow) => {
      const { brokers } = broker
      const stream = fromKafka(flow, 'from', { brokers, site: 'a', topics, bounded: 'latest', ...from })
      toKafka(stream, 'to', {
        ...{ brokers, site: 'b', topics: { '*': `${prefix}*` } },
        ...to,
      })
    })

  it('keeps partitions, order, keys, values, times and headers, and says where records come from', async () => {
    const topic = await broker.topic('copied', 3, { 'retention.ms': '123456789', 'segment.ms': '86400000' })
    await produceAll(broker, topic, 60)
    const kept = await broker.topic('kept', 2, { 'cleanup.policy': 'compact' })
    await broker.produce(kept, [{ partition: 1, key: 'k', value: null, timestamp: String(AN_HOUR_AGO) }])
    const prefix = broker.name('b-')
    for (const parallelism of [1, 2]) {
      const to = `${prefix}${parallelism}-`
      const ends = { to: { topics: { '*': `${to}*` } } }
      expect(await runJobHere(copy([topic, kept], to, ends), { parallelism })).toMatchObject({ state: 'finished' })
      expect(await same(broker, topic, `${to}${topic}`)).toBe(60)
      expect(await configOf(broker, `${to}${topic}`)).toMatchObject({
        'retention.ms': '123456789',
        'cleanup.policy': 'delete',
        'segment.ms': '604800000',
      })
      expect(await same(broker, kept, `${to}${kept}`)).toBe(1)
      expect(await configOf(broker, `${to}${kept}`)).toMatchObject({ 'cleanup.policy': 'compact' })
      expect(await partitionsOf(broker, `${to}${kept}`)).toBe(2)
      const there = await broker.readEnded(`${to}${topic}`)
      const offsets = (await broker.readAll(topic)).map(({ offset }) => String(offset))
      expect(there.map(({ headers }) => String(headers['millrace-offset']))).toEqual(offsets)
      for (const { headers } of there) {
        expect(Object.keys(headers).slice(-2)).toEqual(['millrace-offset', 'millrace-sites'])
        expect(String(headers['millrace-sites'])).toBe('a')
      }
    }
  })

  it('extends a topic that is there with fewer partitions, and leaves one with more', async () => {
    const topic = await broker.topic('sizes', 3)
    const prefix = broker.name('b-')
    await produceAll(broker, topic, 9)
    const smaller = await broker.topic(`${prefix}less-${topic}`.slice(0, -11), 1)
    const larger = await broker.topic(`${prefix}more-${topic}`.slice(0, -11), 5)
    for (const target of [smaller, larger])
      expect(await runJobHere(copy(topic, target, { to: { topics: { [topic]: target } } }))).toMatchObject({
        state: 'finished',
      })
    expect(await partitionsOf(broker, smaller)).toBe(3)
    expect(await partitionsOf(broker, larger)).toBe(5)
    expect(await same(broker, topic, smaller)).toBe(9)
    expect(await same(broker, topic, larger)).toBe(9)
  })

  it('says which topic is missing, or too small, where it may not make it', async () => {
    const topic = await broker.topic('wanted', 2)
    const target = broker.name('missing')
    await produceAll(broker, topic, 2)
    const ends = { to: { create: false, topics: { [topic]: target } } }
    const once = { restart: { strategy: 'none' } } as const
    expect((await runJobHere(copy(topic, target, ends), once)).failure).toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringContaining(`there is no topic "${target}" for the 2 partitions of the source's`),
    })
    const small = await broker.topic('small')
    const toSmall = { to: { create: false, topics: { [topic]: small } } }
    expect((await runJobHere(copy(topic, small, toSmall), once)).failure).toMatchObject({
      message: expect.stringContaining(`topic "${small}" has 1 of the 2 partitions of the source's`),
    })
  })

  it('notices topics and partitions that come while it runs', async () => {
    const prefix = broker.name('live')
    const topic = await broker.topic(prefix, 1)
    await produceAll(broker, topic, 5)
    const live = job(prefix, (flow) => {
      const { brokers } = broker
      const options = { brokers, site: 'a', topics: `${prefix}-*`, discoveryIntervalMs: 100 }
      toKafka(fromKafka(flow, 'from', options), 'to', { brokers, site: 'b', topics: { '*': 'to-*' } })
    })
    await inTemporaryFolder(async (dataDir) => {
      const running = run(live, { dataDir, inProcess: true, parallelism: 2, checkpoint: { intervalMs: 50 } })
      await expect.poll(() => same(broker, topic, `to-${topic}`)).toBe(5)
      await broker.grow(topic, 4)
      const later = await broker.topic(prefix, 2)
      await produceAll(broker, topic, 20)
      await produceAll(broker, later, 20)
      await expect.poll(() => same(broker, topic, `to-${topic}`)).toBe(25)
      await expect.poll(() => same(broker, later, `to-${later}`)).toBe(20)
      await running.stop()
      expect((await running.result).state).toBe('stopped')
    })
  })

  it('says when a topic was deleted and made anew, and reads the new one once it was left out for a run', async () => {
    const prefix = broker.name('anew')
    const topic = await broker.topic(prefix)
    await produceAll(broker, topic, 7)
    const copying = (...topics: string[]) =>
      job(prefix, (flow) => {
        const { brokers } = broker
        const stream = fromKafka(flow, 'from', { brokers, site: 'a', topics, discoveryIntervalMs: 100 })
        toKafka(stream, 'to', { brokers, site: 'b', topics: { '*': 'to-*' } })
      })
    await inTemporaryFolder(async (dataDir) => {
      const start = (...topics: string[]) =>
        run(copying(...topics), {
          ...{ dataDir, inProcess: true, checkpoint: { intervalMs: 50 } },
          restart: { strategy: 'none' },
        })
      const there = async () => (await broker.readEnded(`to-${topic}`).catch(() => [])).length
      const first = start(`${prefix}*`)
      await expect.poll(there).toBe(7)
      await first.stop()
      await madeAnew(broker, topic)
      await produceAll(broker, topic, 5)
      const { failure } = await start(`${prefix}*`).result
      expect(failure).toMatchObject({ code: 'LOG_GONE', message: expect.stringContaining(`"${topic}" was deleted`) })
      const without = start(`${prefix}*`, `!${topic}`)
      await firstValueFrom(without.events$.pipe(filter((event) => event.type === 'checkpoint')))
      await without.stop()
      const last = start(`${prefix}*`)
      await expect.poll(there).toBe(12)
      await last.stop()
    })
  })

  it('carries a record of 8 MB, whose topic there takes as much', async () => {
    const topic = await broker.topic('large', 1, { 'max.message.bytes': String(9 << 20) })
    await broker.produce(topic, [{ key: 'large', value: Buffer.alloc(8 << 20, 'x'), timestamp: String(AN_HOUR_AGO) }])
    expect(await runJobHere(copy(topic, 'b-'))).toMatchObject({ state: 'finished' })
    expect(await same(broker, topic, `b-${topic}`)).toBe(1)
    // As large as it may be here, and there with headers more.
    const full = await broker.topic('full', 1, { 'max.message.bytes': '200000' })
    await broker.produce(full, [{ value: Buffer.alloc(199_920, 'x'), timestamp: String(AN_HOUR_AGO) }])
    expect((await runJobHere(copy(full, 'b-'))).failure).toBeUndefined()
    expect(await same(broker, full, `b-${full}`)).toBe(1)
  })

  it('goes round once: what has been at all targets is left out, what was here is dropped', async () => {
    const topic = await broker.topic('loop')
    await produceAll(broker, topic, 10)
    const [there, back] = [broker.name('there'), broker.name('back')]
    const plain = { restart: { strategy: 'none' } } as const
    await runJobHere(copy(topic, there, { to: { topics: { '*': there } } }), plain)
    // Back from b to a, where it was: dropped at a; not sent where b knows its target.
    for (const targets of [[], ['a']]) {
      const ends = { from: { site: 'b', targets }, to: { site: 'a', topics: { '*': back } } }
      const ran = await runJobHere(copy(there, back, ends), plain)
      expect(ran.failure).toBeUndefined()
      const { counters } = ran.metrics.find(({ node }) => node === 'from') ?? {}
      expect(counters).toMatchObject({ loopRecords: targets.length === 0 ? 0 : 10 })
      expect(await broker.readEnded(back)).toEqual([])
    }
    // On to a third site, whose records say both; with the headers taken away again on a fourth.
    const third = broker.name('third')
    const on = { from: { site: 'b', targets: ['a', 'c'] }, to: { site: 'c', topics: { '*': third } } }
    expect(await runJobHere(copy(there, third, on), plain)).toMatchObject({ state: 'finished' })
    expect(await same(broker, topic, third)).toBe(10)
    const [record] = await broker.readEnded(third)
    expect(String(record?.headers['millrace-sites'])).toBe('a,b')
    const bare = broker.name('bare')
    const last = { from: { site: 'c' }, to: { site: 'd', topics: { '*': bare }, originHeaders: false } }
    await runJobHere(copy(third, bare, last), plain)
    expect((await broker.readEnded(bare)).map(({ headers }) => headers)).toEqual(
      (await broker.readAll(topic)).map(({ headers }) => headers),
    )
  })

  it('refuses options that cannot be', async () => {
    const refused = async (ends: Ends) => (await runJobHere(copy('t', 'p', ends))).failure?.message
    expect(await refused({ from: { site: 'A B' } })).toMatch(/Option site of fromKafka/)
    expect(await refused({ from: { targets: ['?'] } })).toMatch(/Option targets.0 of fromKafka/)
    expect(await refused({ from: { discoveryIntervalMs: -1 } })).toMatch(/Option discoveryIntervalMs of kafkaSource/)
    expect(await refused({ to: { site: '' } })).toMatch(/Option site of toKafka/)
    expect(await refused({ to: { create: { replication: 0 } } })).toMatch(/Option create.* of toKafka/)
    expect(await refused({ to: { batchBytes: 0 } })).toMatch(/Option batchBytes of kafkaSink/)
  })
})

const same = (broker: TestBroker, topic: string, target: string): Promise<number> =>
  copied({ from: broker, topic, to: broker, target })

async function configOf(broker: TestBroker, topic: string): Promise<Record<string, string>> {
  const admin = broker.kafka.admin()
  await admin.connect()
  const asked = { includeSynonyms: false, resources: [{ type: 2, name: topic }] }
  const { resources } = await admin.describeConfigs(asked)
  await admin.disconnect()
  return Object.fromEntries((resources[0]?.configEntries ?? []).map((one) => [one.configName, one.configValue]))
}

async function madeAnew(broker: TestBroker, topic: string): Promise<void> {
  const admin = broker.kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await expect.poll(() => admin.listTopics()).not.toContain(topic)
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await admin.disconnect()
}
