// What records a reader gives, whatever they look like and however they were written.

import type { Message, Producer } from 'kafkajs'
import { expect, it } from 'vitest'
import type { ReadFormat } from '../../../../../src/connectors/kafka/formats/format.ts'
import { json } from '../../../../../src/connectors/kafka/formats/json.ts'
import { text } from '../../../../../src/connectors/kafka/formats/text.ts'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import type { KafkaSourceOptions } from '../../../../../src/connectors/kafka/source/options.ts'
import { describeBroker } from '../../../../support/kafka-servers.ts'
import { inLife, untilMarked } from './source-life.ts'

describeBroker('kafkaSource: which records it gives', (broker) => {
  const source = <T>(options: Partial<KafkaSourceOptions<T>>) =>
    kafkaSource<T>({ brokers: broker.brokers, topics: '', ...options })
  const read = <T = string>(options: Partial<KafkaSourceOptions<T>>): Promise<T[]> =>
    inLife(source<T>({ bounded: 'latest', ...options }), {}, (life) => life.take())
  const texts = (topics: string, more: Partial<KafkaSourceOptions<string>> = {}) =>
    read<string>({ topics, format: text(), ...more })

  async function producing<R>(options: object, work: (producer: Producer) => Promise<R>): Promise<R> {
    const producer = broker.kafka.producer(options)
    await producer.connect()
    try {
      return await work(producer)
    } finally {
      await producer.disconnect()
    }
  }

  const transactional = <R>(work: (producer: Producer) => Promise<R>): Promise<R> =>
    producing({ transactionalId: broker.name('tx'), maxInFlightRequests: 1, idempotent: true }, work)

  it('gives keys, values, headers and times as they were written', async () => {
    const topics = await broker.topic('records')
    const now = Date.now() - 1_000
    await broker.produce(topics, [
      { key: 'k', value: 'v', timestamp: String(now), headers: { a: ['1', '2'], empty: '' } },
      { key: null, value: 'no key', timestamp: String(now + 1) },
      { key: 'gone', value: null, timestamp: String(now - 5) },
      { key: '', value: '', timestamp: String(now) },
    ])
    await inLife(source<KafkaRecord>({ topics, bounded: 'latest' }), {}, async (life) => {
      const batch = await life.next()
      const at = { topic: topics, partition: 0 }
      expect(batch?.values).toEqual([
        {
          ...at,
          offset: 0,
          timestampMs: now,
          key: Buffer.from('k'),
          value: Buffer.from('v'),
          headers: [
            ['a', Buffer.from('1')],
            ['a', Buffer.from('2')],
            ['empty', Buffer.from('')],
          ],
        },
        { ...at, offset: 1, timestampMs: now + 1, key: null, value: Buffer.from('no key'), headers: [] },
        { ...at, offset: 2, timestampMs: now - 5, key: Buffer.from('gone'), value: null, headers: [] },
        { ...at, offset: 3, timestampMs: now, key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
      ])
      expect(batch?.timestamps).toEqual([now, now + 1, now - 5, now])
      expect(batch?.split).toBe(`${topics}/0`)
    })
  })

  it('gives values the time of their record, or none', async () => {
    const topics = await broker.topic('times')
    const now = Date.now()
    await broker.produce(topics, [
      { value: '2', timestamp: String(now) },
      { value: '0', timestamp: String(now + 1) },
      { value: '3', timestamp: String(now + 2) },
    ])
    /** So many values for each record as it says. */
    const copies: ReadFormat<string> = {
      read: ({ value }, out) => {
        for (let i = 0; i < Number(value); i += 1) out.push(`${value}`)
      },
    }
    await inLife(source<string>({ topics, format: copies, bounded: 'latest' }), {}, async (life) => {
      const batch = await life.next()
      expect(batch?.values).toEqual(['2', '2', '3', '3', '3'])
      expect(batch?.timestamps).toEqual([now, now, now + 2, now + 2, now + 2])
    })
    await inLife(
      source<string>({ topics, format: copies, bounded: 'latest', timestamps: 'none' }),
      {},
      async (life) => {
        expect((await life.next())?.timestamps).toBeUndefined()
      },
    )
  })

  it('ends though its last records hold nothing, and commits its position behind them', async () => {
    const topics = await broker.topic('nothing')
    await broker.produce(
      topics,
      Array.from({ length: 3_000 }, (_, n) => ({ value: String(n) })),
    )
    const last: ReadFormat<string> = { read: ({ offset }, out) => void (offset === 7 && out.push('seven')) }
    expect(await read<string>({ topics, format: last })).toEqual(['seven'])
  })

  it('leaves out what was aborted, and waits at what is not ended yet', async () => {
    const topics = await broker.topic('transactions', 2)
    const send = (tx: { send: Producer['send'] }, ...messages: Message[]) => tx.send({ topic: topics, messages })
    await transactional((one) =>
      transactional(async (two) => {
        const committed = await one.transaction()
        const aborted = await two.transaction()
        await send(committed, { value: 'c1', partition: 0 })
        await send(aborted, { value: 'a1', partition: 0 }, { value: 'a2', partition: 1 })
        await send(committed, { value: 'c2', partition: 0 })
        await send(aborted, { value: 'a3', partition: 0 })
        await aborted.abort()
        await send(committed, { value: 'c3', partition: 0 })
        await committed.commit()
        const again = await two.transaction()
        await send(again, { value: 'c4', partition: 0 }, { value: 'c5', partition: 1 })
        await again.commit()
        await untilMarked(broker.brokers, topics)
        const open = await one.transaction()
        await send(open, { value: 'open', partition: 0 })
        await broker.produce(topics, [{ value: 'behind', partition: 0 }])
        const seen = ['c1', 'c2', 'c3', 'c4', 'c5']
        expect((await texts(topics)).sort()).toEqual(seen)
        expect((await texts(topics, { isolation: 'read_uncommitted' })).sort()).toEqual(
          ['a1', 'a2', 'a3', 'behind', ...seen, 'open'].sort(),
        )
        await inLife(source<string>({ topics, format: text() }), {}, async (life) => {
          expect((await life.take(5)).sort()).toEqual(seen)
          expect(await life.take(1, 700)).toEqual([])
          await open.commit()
          expect(await life.take(2)).toEqual(['open', 'behind'])
        })
      }),
    )
  })

  it('goes on from a checkpoint between the batches of transactions, and in them', async () => {
    const topics = await broker.topic('transactions')
    const expected: string[] = []
    await transactional(async (producer) => {
      for (let n = 0; n < 12; n += 1) {
        const tx = await producer.transaction()
        const messages = Array.from({ length: 1 + (n % 4) }, (_, i) => ({ value: `${n}.${i}` }))
        await tx.send({ topic: topics, messages })
        if (n % 3 === 1) await tx.abort()
        else await tx.commit()
        if (n % 3 !== 1) expected.push(...messages.map(({ value }) => value))
      }
    })
    await untilMarked(broker.brokers, topics)
    const got: string[] = []
    let restore = await inLife(source<string>({ topics, format: text(), bounded: 'latest' }), {}, (life) =>
      life.checkpoint(),
    )
    for (let more = true; more; ) {
      await inLife(source<string>({ topics, format: text(), bounded: 'latest' }), { restore }, async (life) => {
        const batch = await life.next(undefined, 2)
        more = batch !== undefined
        got.push(...(batch?.values ?? []))
        restore = await life.checkpoint()
      })
    }
    expect(got).toEqual(expected)
    expect(restore.splits).toEqual([])
  })

  it('reads every compression that the writer has', async () => {
    const topics = await broker.topic('compressed')
    const messages = Array.from({ length: 100 }, (_, n) => ({ value: `${'x'.repeat(50)}${n}` }))
    await producing({}, async (producer) => {
      for (const compression of [0, 1]) await producer.send({ topic: topics, messages, compression })
    })
    expect(await texts(topics)).toEqual([...messages, ...messages].map(({ value }) => value))
  })

  it('reads a record of 10 MB beside small ones, with buffers far smaller than it', async () => {
    const topics = await broker.topic('large', 3, { 'max.message.bytes': '12000000' })
    const large = Buffer.alloc(10_000_000, 'x')
    await producing({ maxInFlightRequests: 1 }, async (producer) => {
      for (const partition of [0, 1, 2]) {
        await producer.send({ topic: topics, messages: [{ value: 'before', partition }] })
        await producer.send({ topic: topics, messages: [{ value: large, partition }] })
        await producer.send({ topic: topics, messages: [{ value: 'behind', partition }] })
      }
    })
    const records = await read<KafkaRecord>({ topics, fetchBytesMax: 1_000, bufferBytesMax: 1_000 })
    expect(records.filter(({ partition }) => partition === 1).map(({ value }) => value?.length)).toEqual([
      6,
      large.length,
      6,
    ])
    expect(records.length).toBe(9)
    expect(records.filter(({ value }) => value?.equals(large)).length).toBe(3)
  })

  it('fails at a record that cannot be read, naming it', async () => {
    const topics = await broker.topic('malformed')
    await broker.produce(topics, [{ value: '{"n":1}' }, { value: '{"n":' }, { value: '{"n":3}' }])
    await inLife(source({ topics, format: json(), bounded: 'latest' }), {}, async (life) => {
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'RECORD_MALFORMED' })
      expect(String(failure)).toContain(`topic ${topics}, partition 0, offset: 1: `)
    })
  })

  it('writes what cannot be read to a topic of dead letters, before its position is behind it', async () => {
    const topics = await broker.topic('malformed', 2)
    const deadLetterTopic = broker.name('letters')
    const bad = { key: 'k', value: '{"n":', headers: { own: 'h' }, timestamp: String(Date.now() - 5_000) }
    await broker.produce(topics, [
      { value: '{"n":1}', partition: 0 },
      { ...bad, partition: 1 },
      { value: '{"n":2}', partition: 1 },
      { value: 'x'.repeat(400_000), partition: 1 },
      { value: 'y'.repeat(400_000), partition: 1 },
    ])
    const counted = await inLife(
      source<{ n: number }>({ topics, format: json(), bounded: 'latest', undecodable: { deadLetterTopic } }),
      {},
      async (life) => {
        expect((await life.take()).map(({ n }) => n).sort()).toEqual([1, 2])
        return life.counters.get('deadLetters')
      },
    )
    expect(counted).toBe(3)
    const letters = await read<KafkaRecord>({ topics: deadLetterTopic })
    expect(letters.map(({ value }) => value?.length)).toEqual([bad.value.length, 400_000, 400_000])
    const [letter] = letters
    const headers = Object.fromEntries((letter?.headers ?? []).map(([name, value]) => [name, String(value)]))
    expect(String(letter?.key)).toBe('k')
    expect(headers).toEqual({
      own: 'h',
      'millrace.reason': expect.stringContaining('JSON'),
      'millrace.topic': topics,
      'millrace.partition': '1',
      'millrace.offset': '0',
      'millrace.timestamp': bad.timestamp,
    })
  })

  it('fails, not skips, when a dead letter cannot be written', async () => {
    const topics = await broker.topic('malformed')
    const deadLetterTopic = await broker.topic('letters', 1, { 'max.message.bytes': '1000' })
    await broker.produce(topics, [{ value: 'x'.repeat(5_000) }])
    const options = { topics, format: json(), bounded: 'latest' as const, undecodable: { deadLetterTopic } }
    await inLife(source(options), {}, async (life) => {
      const failure = await life.failure()
      expect(failure).toMatchObject({ code: 'SOURCE_FAILED' })
      expect(String(failure)).toContain(`Writing dead letters to topic "${deadLetterTopic}"`)
      expect(String(failure)).toContain('MESSAGE_TOO_LARGE')
    })
  })

  it('gives nothing of paused partitions, and all of them later', async () => {
    const topics = await broker.topic('paused', 2)
    await broker.produce(
      topics,
      Array.from({ length: 40 }, (_, n) => ({ value: `${n % 2}`, partition: n % 2 })),
    )
    await inLife(source<string>({ topics, format: text(), bounded: 'latest' }), {}, async (life) => {
      life.readers[0]?.pauseSplits?.(new Set([`${topics}/1`]))
      expect(new Set(await life.take(20))).toEqual(new Set(['0']))
      expect(await life.take(1, 300)).toEqual([])
      life.readers[0]?.pauseSplits?.(new Set())
      expect(await life.take()).toEqual(Array.from({ length: 20 }, () => '1'))
    })
  })

  it('says how far each partition is read, and how much is left', async () => {
    const topics = await broker.topic('progress', 2)
    await broker.produce(
      topics,
      Array.from({ length: 10 }, (_, n) => ({ value: String(n), partition: n % 5 === 0 ? 1 : 0 })),
    )
    await inLife(source<string>({ topics, format: text(), bounded: 'latest' }), {}, async (life) => {
      await life.take()
      await life.next(10)
      const progress = life.progress.get(0)?.toSorted((a, b) => (a.item < b.item ? -1 : 1))
      expect(progress).toEqual([
        { item: `${topics}/0`, done: 8, total: 8, unit: 'records' },
        { item: `${topics}/1`, done: 2, total: 2, unit: 'records' },
      ])
      expect(life.counters.get('lagRecords')).toBe(0)
    })
  })
})
