// Which partitions are read, by whom, and what comes and goes while a job runs.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from 'kafkajs'
import { expect, it } from 'vitest'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import type { KafkaSourceOptions } from '../../../../../src/connectors/kafka/source/options.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { inLife, SourceLife } from './source-life.ts'

describeBroker('kafkaSource: which partitions it reads', (broker) => {
  const source = (options: Partial<KafkaSourceOptions<string>>) =>
    kafkaSource<string>({ brokers: broker.brokers, topics: '', format: text(), discoveryIntervalMs: 100, ...options })
  const values = (partition: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ partition, value: `${partition}:${from + i}` }))

  /** By a producer of its own: kafkajs's keeps asking for every topic it has written, and fails for all once one is gone. */
  async function produce(topic: string, messages: readonly Message[]): Promise<void> {
    const producer = broker.kafka.producer()
    await producer.connect()
    await producer.send({ topic, messages: [...messages] })
    await producer.disconnect()
  }

  async function withAdmin<R>(work: (admin: ReturnType<typeof broker.kafka.admin>) => Promise<R>): Promise<R> {
    const admin = broker.kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  it('spreads partitions evenly over subtasks', async () => {
    const [a, b] = [await broker.topic('spread-a', 4), await broker.topic('spread-b', 3)]
    await inLife(source({ topics: [a, b] }), { parallelism: 3 }, async (life) => {
      expect(life.assigned.map((splits) => splits.length).sort()).toEqual([2, 2, 3])
      expect(new Set(life.assigned.flat().map(({ id }) => id)).size).toBe(7)
    })
  })

  it('reads topics by pattern, without those left out, and internal ones only by name', async () => {
    const prefix = broker.name('pattern')
    const names = ['orders', 'returns', 'old'].map((name) => `${prefix}.${name}`)
    await withAdmin((admin) => admin.createTopics({ topics: names.map((topic) => ({ topic })), waitForLeaders: true }))
    for (const topic of names) await produce(topic, [{ value: topic }])
    const read = (topics: string | string[]) =>
      inLife(source({ topics, bounded: 'latest' }), {}, async (life) => (await life.take()).sort())
    expect(await read([`${prefix}.*`, '!*.old'])).toEqual(names.slice(0, 2))
    expect(await read(`${prefix}.o??ers`)).toEqual([names[0]])
    await inLife(source({ topics: '*', bounded: 'latest' }), {}, async (life) => {
      const topics = new Set(life.assigned.flat().map(({ topic }) => topic))
      expect([...topics].filter((topic) => topic.startsWith('__'))).toEqual([])
      expect(topics.has(names[0] as string)).toBe(true)
    })
    await withAdmin((admin) => admin.deleteTopics({ topics: names }))
  })

  it('reads only the partitions named', async () => {
    const topic = await broker.topic('set', 4)
    await produce(
      topic,
      [0, 1, 2, 3].flatMap((partition) => values(partition, 0, 2)),
    )
    await inLife(source({ topics: { [topic]: [3, 1] }, bounded: 'latest' }), { parallelism: 2 }, async (life) => {
      expect((await life.take()).sort()).toEqual(['1:0', '1:1', '3:0', '3:1'])
    })
  })

  it('finds partitions and topics that are added, and reads them from their beginning', async () => {
    const prefix = broker.name('grows')
    const [first, second] = [`${prefix}.a`, `${prefix}.b`]
    await withAdmin((admin) => admin.createTopics({ topics: [{ topic: first }], waitForLeaders: true }))
    await produce(first, values(0, 0, 1))
    await inLife(source({ topics: `${prefix}.*`, startup: 'latest' }), { parallelism: 2 }, async (life) => {
      await broker.grow(first, 3)
      await withAdmin(async (admin) => {
        await admin.createTopics({ topics: [{ topic: second, numPartitions: 2 }], waitForLeaders: true })
      })
      await produce(first, [...values(1, 0, 2), ...values(2, 0, 2)])
      await produce(second, values(1, 7, 9))
      expect((await life.take(6)).sort()).toEqual(['1:0', '1:1', '1:7', '1:8', '2:0', '2:1'])
      expect(life.assigned.map((splits) => splits.length)).toEqual([3, 2])
    })
    await withAdmin((admin) => admin.deleteTopics({ topics: [first, second] }))
  })

  it('goes on at another parallelism, forgets no partition and gives none out twice', async () => {
    const topic = await broker.topic('rescale', 5)
    const all = [0, 1, 2, 3, 4].flatMap((partition) => values(partition, 0, 40))
    await produce(topic, all)
    const got: string[] = []
    let restore: Awaited<ReturnType<SourceLife<string>['checkpoint']>> | undefined
    for (const parallelism of [1, 3, 5, 2, 4]) {
      await inLife(source({ topics: topic }), { parallelism, ...(restore && { restore }) }, async (life) => {
        got.push(...(await life.take(parallelism === 4 ? all.length - got.length : 30)))
        restore = await life.checkpoint()
        expect(restore.splits.map(({ id }) => id).sort()).toEqual([0, 1, 2, 3, 4].map((n) => `${topic}/${n}`))
      })
    }
    expect(got.toSorted()).toEqual(all.map(({ value }) => value).toSorted())
  })

  it('leaves a topic that is no longer asked for', async () => {
    const [kept, left] = [await broker.topic('kept'), await broker.topic('left')]
    const restore = await inLife(source({ topics: [kept, left] }), {}, (life) => life.checkpoint())
    await produce(left, values(0, 0, 1))
    await produce(kept, values(0, 5, 6))
    await inLife(source({ topics: kept }), { restore }, async (life) => {
      expect(await life.take(1)).toEqual(['0:5'])
      expect((await life.checkpoint()).splits.map(({ topic }) => topic)).toEqual([kept])
      expect(life.logged).toContain('a partition is not asked for any more, and leaves the source')
    })
  })

  it('leaves partitions that are no longer asked for, and begins with them anew once they are again', async () => {
    const topic = await broker.topic('set', 2)
    await produce(topic, [...values(0, 0, 1), ...values(1, 0, 1)])
    const all = await inLife(source({ topics: { [topic]: [0, 1] } }), {}, async (life) => {
      expect((await life.take(2)).sort()).toEqual(['0:0', '1:0'])
      return life.checkpoint()
    })
    const one = await inLife(source({ topics: { [topic]: [0] } }), { restore: all }, (life) => life.checkpoint())
    expect(one.splits.map(({ partition }) => partition)).toEqual([0])
    await inLife(source({ topics: { [topic]: [0, 1] } }), { restore: one }, async (life) => {
      expect(await life.take(1)).toEqual(['1:0'])
    })
  })

  it('names a topic that no broker can have', async () => {
    const failure = await SourceLife.begin(source({ topics: 'a b' })).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'SOURCE_SETTING' })
    expect(String(failure)).toContain('"a b"')
  })

  it('stops when records it has not read are removed, and says what it wanted and what there is', async () => {
    const topic = await broker.topic('retention')
    await produce(topic, values(0, 0, 10))
    const restore = await inLife(source({ topics: topic }), {}, async (life) => {
      expect((await life.take(3)).length).toBe(3)
      return life.checkpoint()
    })
    await withAdmin(async (admin) => {
      // Without this kafkajs does not know who leads the partition.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] })
    })
    await inLife(source({ topics: topic }), { restore }, async (life) => {
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'LOG_GONE' })
      expect(String(failure)).toContain(`offset 3 of ${topic}/0: the partition begins at 7 now`)
      expect(String(failure)).toContain('--fresh')
    })
  })

  it('stops when a topic is deleted, naming it', async () => {
    const topic = await broker.topic('deleted')
    await produce(topic, values(0, 0, 2))
    await inLife(source({ topics: topic }), {}, async (life) => {
      expect((await life.take(2)).length).toBe(2)
      await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'SOURCE_FAILED' })
      expect(String(failure)).toContain(`topic "${topic}"`)
      expect(String(failure)).toContain('was it deleted?')
    })
  })

  it('never takes a topic that was made anew for the one before: while it runs, and after a restore', async () => {
    const topic = await broker.topic('anew')
    await produce(topic, values(0, 0, 2))
    const anew = async (): Promise<void> =>
      withAdmin(async (admin) => {
        await admin.deleteTopics({ topics: [topic] })
        // Deletion takes a moment.
        for (let made = false; !made; ) {
          await sleep(20)
          made = await admin.createTopics({ topics: [{ topic }], waitForLeaders: true }).catch(() => false)
        }
      })
    const restore = await inLife(source({ topics: topic, discoveryIntervalMs: 0 }), {}, async (life) => {
      expect((await life.take(2)).length).toBe(2)
      const checkpoint = await life.checkpoint()
      await anew()
      await produce(topic, values(0, 10, 20))
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'LOG_GONE' })
      expect(String(failure)).toContain(`topic "${topic}" was deleted and made anew`)
      return checkpoint
    })
    await expect(SourceLife.begin(source({ topics: topic }), { restore })).rejects.toMatchObject({ code: 'LOG_GONE' })
  })
})
