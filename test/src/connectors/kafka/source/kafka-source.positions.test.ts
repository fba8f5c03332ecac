// Where a fresh start begins, where a bounded one ends, and what the group is told.

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import type { KafkaSourceOptions } from '../../../../../src/connectors/kafka/source/options.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { type Checkpoint, inLife, SourceLife } from './source-life.ts'

const at = (partition: number, n: number, timestamp: number) => ({
  partition,
  value: `${partition}:${n}`,
  timestamp: String(timestamp),
})

/** Now, as records' times must be: retention removes what is old. */
const T = Date.now() - 100_000

describeBroker('kafkaSource: where it begins and ends', (broker) => {
  /** Two partitions: 0:0 … 0:4 at T, T+10, …; 1:0 1:1 at T+5, T+15. */
  async function shop(): Promise<string> {
    const topic = await broker.topic('positions', 2)
    await broker.produce(topic, [
      ...[0, 1, 2, 3, 4].map((n) => at(0, n, T + 10 * n)),
      ...[0, 1].map((n) => at(1, n, T + 5 + 10 * n)),
    ])
    return topic
  }
  const source = (options: Partial<KafkaSourceOptions<string>>) =>
    kafkaSource<string>({ brokers: broker.brokers, topics: '', format: text(), ...options })
  const read = (options: Partial<KafkaSourceOptions<string>>): Promise<string[]> =>
    inLife(source({ bounded: 'latest', ...options }), {}, async (life) => (await life.take()).sort())
  const failure = (options: Partial<KafkaSourceOptions<string>>): Promise<unknown> =>
    SourceLife.begin(source(options)).then(
      (life) => life.close(),
      (error: unknown) => error,
    )
  const ALL = ['0:0', '0:1', '0:2', '0:3', '0:4', '1:0', '1:1']

  it('begins at the earliest record and ends at what was there', async () => {
    const topics = await shop()
    expect(await read({ topics })).toEqual(ALL)
    const life = await SourceLife.begin(source({ topics, bounded: 'latest' }))
    await broker.produce(topics, [at(0, 5, T + 60)])
    expect((await life.take()).sort()).toEqual(ALL)
    expect(life.hasEnded).toBe(true)
    expect(life.finished.sort()).toEqual([`${topics}/0`, `${topics}/1`])
    await life.close()
  })

  it('begins at the end with latest, and reads what comes', async () => {
    const topics = await shop()
    await inLife(source({ topics, startup: 'latest' }), {}, async (life) => {
      await broker.produce(topics, [at(1, 2, T + 60)])
      expect(await life.take(1)).toEqual(['1:2'])
    })
  })

  it('reads nothing of what depends on its moment before a complete checkpoint says where it began (I4)', async () => {
    const topics = await shop()
    for (const startup of [
      'latest',
      { timestampMs: Date.now() + 60_000 },
      { offsets: {}, otherwise: 'latest' },
    ] as const) {
      const value = JSON.stringify(startup)
      const restore = await inLife(source({ topics, startup, groupId: topics }), { parallelism: 2 }, async (life) => {
        expect(life.assigned).toEqual([[], []])
        await broker.produce(topics, [{ value, partition: 0 }])
        const checkpoint = await life.checkpoint(1)
        await life.checkpoint(2)
        expect(life.assigned).toEqual([[], []])
        return checkpoint
      })
      await inLife(source({ topics, startup }), { restore }, async (life) => {
        expect(await life.take(1)).toEqual([value])
      })
      await inLife(source({ topics, startup, bounded: { offsets: { [topics]: { 0: 100 } } } }), {}, async (life) => {
        await life.checkpoint(1)
        await life.complete(1)
        expect(life.assigned.flat().map(({ partition }) => partition)).toContain(0)
      })
    }
  })

  it('has no end to wait for where there is nothing to read', async () => {
    const topics = await broker.topic('positions', 3)
    expect(await read({ topics })).toEqual([])
    expect(await read({ topics: await shop(), startup: 'latest' })).toEqual([])
  })

  it('ends in batch mode at what was there', async () => {
    const topics = await shop()
    await inLife(source({ topics }), { mode: 'batch' }, async (life) => {
      expect((await life.take()).sort()).toEqual(ALL)
      expect(life.hasEnded).toBe(true)
    })
  })

  it('goes on in the next batch run where the last one ended, in partitions that were empty or not there, too', async () => {
    const topics = await broker.topic('positions', 2)
    const put = (partition: number, value: string) => broker.produce(topics, [{ partition, value }])
    await put(0, 'a')
    const run = (restore?: Checkpoint): Promise<{ values: string[]; after: Checkpoint }> =>
      inLife(source({ topics }), { mode: 'batch', parallelism: 2, ...(restore && { restore }) }, async (life) => {
        const values = await life.take()
        expect(life.hasEnded).toBe(true)
        return { values: values.sort(), after: await life.checkpoint() }
      })
    const first = await run()
    expect(first.values).toEqual(['a'])
    await put(0, 'b')
    await put(1, 'c')
    await broker.grow(topics, 3)
    await put(2, 'd')
    const second = await run(first.after)
    expect(second.values).toEqual(['b', 'c', 'd'])
    expect((await run(second.after)).values).toEqual([])
  })

  it('begins at a time, each partition at its first record of it or later', async () => {
    const topics = await shop()
    expect(await read({ topics, startup: { timestampMs: T + 15 } })).toEqual(['0:2', '0:3', '0:4', '1:1'])
    expect(await read({ topics, startup: { timestampMs: T + 35 } })).toEqual(['0:4'])
  })

  it('ends before a time', async () => {
    const topics = await shop()
    expect(await read({ topics, bounded: { timestampMs: T + 15 } })).toEqual(['0:0', '0:1', '1:0'])
    expect(await read({ topics, bounded: { timestampMs: T + 1_000 } })).toEqual(ALL)
  })

  it('begins at offsets, other partitions as `otherwise` says', async () => {
    const topics = await shop()
    const offsets = { [topics]: { 0: 3 } }
    expect(await read({ topics, startup: { offsets } })).toEqual(['0:3', '0:4', '1:0', '1:1'])
    expect(await read({ topics, startup: { offsets, otherwise: 'latest' } })).toEqual(['0:3', '0:4'])
    expect(await read({ topics, startup: { offsets: { [topics]: { 0: 5 } } } })).toEqual(['1:0', '1:1'])
  })

  it('ends before offsets, for which it waits', async () => {
    const topics = await shop()
    expect(await read({ topics, bounded: { offsets: { [topics]: { 0: 2 } } } })).toEqual(['0:0', '0:1', '1:0', '1:1'])
    await inLife(source({ topics, bounded: { offsets: { [topics]: { 0: 6, 1: 0 } } } }), {}, async (life) => {
      expect((await life.take(5)).length).toBe(5)
      await broker.produce(topics, [at(0, 5, T + 60), at(0, 6, T + 70)])
      expect(await life.take()).toEqual(['0:5'])
      expect(life.hasEnded).toBe(true)
    })
  })

  it('refuses offsets that no record has, or of partitions it does not read', async () => {
    const topics = await shop()
    const startup = (offsets: Record<number, number>) =>
      failure({ topics, startup: { offsets: { [topics]: offsets } } })
    expect(await startup({ 0: 6 })).toMatchObject({ code: 'CONNECTOR_OPTION' })
    expect(String(await startup({ 0: 6 }))).toContain(
      `startup.offsets.${topics}.0 of kafkaSource: offset 6 is not in partition ${topics}/0, which has offsets from 0, and ends before 5`,
    )
    expect(String(await startup({ 7: 0 }))).toContain(`startup.offsets.${topics}.7`)
    expect(String(await failure({ topics, bounded: { offsets: { other: { 0: 1 } } } }))).toContain(
      'bounded.offsets.other.0',
    )
  })

  it('begins behind what the group has committed, and says what becomes of partitions without', async () => {
    const topics = await shop()
    const groupId = broker.name('group')
    const admin = broker.kafka.admin()
    await admin.connect()
    await admin.setOffsets({ groupId, topic: topics, partitions: [{ partition: 0, offset: '2' }] })
    const rest = ['0:2', '0:3', '0:4']
    expect(await read({ topics, groupId, startup: 'committed' })).toEqual([...rest, '1:0', '1:1'])
    expect(await read({ topics, groupId, startup: { committedOr: 'latest' } })).toEqual(rest)
    const refused = await failure({ topics, groupId, startup: { committedOr: 'fail' } })
    expect(refused).toMatchObject({ code: 'CONNECTOR_OPTION' })
    expect(String(refused)).toContain(`group "${groupId}" has committed nothing for ${topics}/1`)
    // Without this kafkajs does not know who leads the partition.
    await admin.fetchTopicOffsets(topics)
    await admin.deleteTopicRecords({ topic: topics, partitions: [{ partition: 0, offset: '4' }] })
    const gone = await failure({ topics, groupId, startup: 'committed' })
    expect(gone).toMatchObject({ code: 'LOG_GONE' })
    expect(String(gone)).toContain(`offset 2 of ${topics}/0`)
    await admin.disconnect()
  })

  it('commits positions to the group when a checkpoint is complete, also of what has ended', async () => {
    const topics = await shop()
    const groupId = broker.name('group')
    const admin = broker.kafka.admin()
    await admin.connect()
    const committed = async (): Promise<Record<number, string>> => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topics] })
      return Object.fromEntries((found?.partitions ?? []).map(({ partition, offset }) => [partition, offset]))
    }
    await inLife(source({ topics, groupId, bounded: { offsets: { [topics]: { 0: 5, 1: 1 } } } }), {}, async (life) => {
      expect((await life.take()).length).toBe(6)
      await life.checkpoint(7)
      expect(await committed()).toEqual({ 0: '-1', 1: '-1' })
      await life.complete(7)
      // In the background, and a broker may take its time for the first group.
      while ((await committed())[0] === '-1') await sleep(20)
    })
    expect(await committed()).toEqual({ 0: '5', 1: '1' })
    await admin.disconnect()
  })

  it('warns when positions cannot be committed, and goes on', async () => {
    const topics = await shop()
    const groupId = broker.name('group')
    const member = broker.kafka.consumer({ groupId })
    await member.connect()
    await member.subscribe({ topic: topics })
    const joined = new Promise((resolve) => member.on('consumer.group_join', resolve))
    await member.run({ eachMessage: async () => {} })
    await joined
    await inLife(source({ topics, groupId }), {}, async (life) => {
      expect((await life.take(7)).length).toBe(7)
      await life.checkpoint(1)
      await life.complete(1)
      await broker.produce(topics, [at(0, 5, T + 60)])
      expect(await life.take(1)).toEqual(['0:5'])
      while (!life.logged.includes('positions could not be committed to the group')) await sleep(20)
    })
    await member.disconnect()
  })

  it('refuses a run with an end to go on as one without', async () => {
    const topics = await shop()
    const restore = await inLife(source({ topics, bounded: 'latest' }), {}, async (life) => {
      await life.take(2)
      return life.checkpoint()
    })
    await expect(SourceLife.begin(source({ topics }), { restore })).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
    await inLife(source({ topics, bounded: 'latest' }), { restore, parallelism: 2 }, async (life) => {
      expect((await life.take()).length).toBe(5)
    })
  })

  it('names a topic that is not there, and a pattern that nothing matches', async () => {
    const absent = await failure({ topics: 'not-there', retryMaxMs: 500 })
    expect(absent).toMatchObject({ code: 'SOURCE_SETTING' })
    expect(String(absent)).toContain('Topic "not-there"')
    expect(String(await failure({ topics: ['not-th?re', '!x'] }))).toContain('no topic matches not-th?re, !x')
    const topic = await shop()
    expect(String(await failure({ topics: { [topic]: [0, 2] } }))).toContain(`topic "${topic}" has no partition 2`)
  })
})
