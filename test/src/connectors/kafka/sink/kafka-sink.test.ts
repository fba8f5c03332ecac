import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { expect, it } from 'vitest'
import type { WrittenRecord } from '../../../../../src/connectors/kafka/formats/format.ts'
import { json } from '../../../../../src/connectors/kafka/formats/json.ts'
import { kafkaSink } from '../../../../../src/connectors/kafka/sink/kafka-sink.ts'
import type { KafkaSinkOptions } from '../../../../../src/connectors/kafka/sink/options.ts'
import { describeBroker, type ReadRecord, runKafkaTool, type TestBroker } from '../../../../support/kafka-servers.ts'
import { batchesOf, openEpochSink, openUpsertSink } from './sink-driver.ts'

const plain = ({ partition, key, value }: ReadRecord) => [partition, key?.toString() ?? null, value?.toString() ?? null]

/** Writes these by a sink of either delivery: the result is the same. */
async function write<T extends WrittenRecord>(
  options: KafkaSinkOptions<T>,
  records: readonly T[],
  writer = `${options.transactionalIdPrefix}/sink/0`,
): Promise<void> {
  if (options.delivery === 'at-least-once') {
    const sink = await openUpsertSink(kafkaSink(options))
    await sink.write(records)
    await sink.flush()
    await sink.close()
    return
  }
  const sink = await openEpochSink(kafkaSink(options))
  await sink.lastEpoch(writer, false)
  await sink.apply(writer, 1, batchesOf(records))
  await sink.close()
}

const endOffsets = async (broker: TestBroker, topic: string): Promise<string[]> => {
  const admin = broker.kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => high)
}

describeBroker('kafkaSink', (broker) => {
  const options = (more: Partial<KafkaSinkOptions<WrittenRecord>> = {}): KafkaSinkOptions<WrittenRecord> => ({
    brokers: broker.brokers,
    transactionalIdPrefix: broker.name('prefix'),
    ...more,
  })

  it.each(['exactly-once', 'at-least-once'] as const)('writes records as they are: %s', async (delivery) => {
    const topic = await broker.topic('records', 2)
    const bytes = Buffer.from([0, 255, 128])
    await write(options({ topic, delivery }), [
      { key: 'a', value: 'one', partition: 1, timestampMs: 1_700_000_000_123, headers: { h: 'x', b: bytes } },
      {
        key: bytes,
        value: bytes,
        partition: 1,
        headers: [
          ['n', null],
          ['n', 'twice'],
        ],
      },
      { key: 'gone', value: null, partition: 1, timestampMs: -1 },
      { value: '', partition: 0 },
    ])
    const read = (await broker.readEnded(topic)).sort((a, b) => a.partition - b.partition)
    expect(read.map(({ partition, key, value, headers }) => ({ partition, key, value, headers }))).toEqual([
      { partition: 0, key: null, value: Buffer.alloc(0), headers: {} },
      { partition: 1, key: Buffer.from('a'), value: Buffer.from('one'), headers: { h: Buffer.from('x'), b: bytes } },
      { partition: 1, key: bytes, value: bytes, headers: { n: [null, Buffer.from('twice')] } },
      { partition: 1, key: Buffer.from('gone'), value: null, headers: {} },
    ])
    expect(read[1]?.timestampMs).toBe(1_700_000_000_123)
    expect(Math.abs((read[3]?.timestampMs ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  it('puts keys where the default partitioner of others puts them', async () => {
    const topic = await broker.topic('keys', 7)
    const keys = [
      ...new Set(fc.sample(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), { numRuns: 200, seed: 5 })),
    ]
    await write(
      options({ topic, delivery: 'at-least-once' }),
      keys.map((key) => ({ key, value: key })),
    )
    const theirs = Partitioners.DefaultPartitioner()
    const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({ partitionId, leader: 1 }))
    const expected = keys.map((key) => [
      // kafkajs takes the metadata of real partitions; leaders are all it looks at.
      theirs({ topic, partitionMetadata: partitionMetadata as never, message: { key: Buffer.from(key), value: null } }),
      key,
    ])
    const read = (await broker.readEnded(topic)).map(({ partition, value }) => [partition, `${value}`])
    expect(read.sort()).toEqual(expected.sort())
  })

  it('spreads records without a key, and keeps those of one key in order', async () => {
    const topic = await broker.topic('order', 4)
    const records = Array.from({ length: 20_000 }, (_, i) => ({
      key: i % 3 === 0 ? null : `k${i % 50}`,
      value: `${i}`,
    }))
    await write(options({ topic, batchBytes: 4096 }), records)
    const read = await broker.readEnded(topic)
    expect(read.length).toBe(records.length)
    for (const key of new Set(records.map((one) => one.key))) {
      const mine = read.filter((one) => (one.key?.toString() ?? null) === key)
      if (key === null) expect(new Set(mine.map(({ partition }) => partition)).size).toBe(4)
      else {
        expect(new Set(mine.map(({ partition }) => partition)).size).toBe(1)
        expect(mine.map(({ value }) => `${value}`)).toEqual(
          records.filter((one) => one.key === key).map(({ value }) => value),
        )
      }
    }
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('compresses: %s', async (compression) => {
    const topic = await broker.topic('compressed')
    const value = 'the same over and over '.repeat(200)
    const values = Array.from({ length: 100 }, (_, i) => `${i} ${value}`)
    await write(
      options({ topic, compression, bufferBytes: 100_000 }),
      values.map((each) => ({ value: each })),
    )
    const read = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', broker.brokers, '--topic', topic, '--from-beginning', '--max-messages', '100'],
      ...['--command-property', 'isolation.level=read_committed'],
    ])
    expect(
      read
        .trim()
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual(values.map((each) => each.trimEnd()))
    const log = await runKafkaTool('org.apache.kafka.tools.LogDirsCommand', [
      ...['--bootstrap-server', broker.brokers, '--describe', '--topic-list', topic],
    ])
    expect(Number(/"size":(\d+)/.exec(log)?.[1])).toBeLessThan(100_000)
  })

  it('leaves nothing open behind it that readers would wait for', async () => {
    const topic = await broker.topic('aborted')
    const sink = await openEpochSink(kafkaSink(options({ topic, lingerMs: 0 })))
    const writer = `${topic}/sink/0`
    await sink.lastEpoch(writer, false)
    const breaking = {
      async *[Symbol.asyncIterator]() {
        yield [{ value: 'of an epoch that breaks off' }]
        while ((await broker.readAll(topic, 'read_uncommitted')).length === 0);
        throw new Error('the log cannot be read')
      },
    }
    await expect(sink.apply(writer, 1, breaking)).rejects.toThrow('the log cannot be read')
    await broker.produce(topic, [{ value: 'of somebody else' }])
    expect((await broker.readEnded(topic)).map(({ value }) => `${value}`)).toEqual(['of somebody else'])
    await sink.close()
  })

  it('routes by the topic of the record, by pattern and by function', async () => {
    const [one, two] = [await broker.topic('shop.orders'), await broker.topic('dw.orders')]
    await write(options({}), [{ topic: one, value: 'own' }])
    await write(options({ topic: { 'shop.*': 'dw.*' } }), [{ topic: two.replace(/^dw/, 'shop'), value: 'by pattern' }])
    await write(options({ topic: ({ value }) => (value === 'x' ? one : two) }), [{ value: 'x' }, { value: 'y' }])
    expect((await broker.readEnded(one)).map(plain)).toEqual([
      [0, null, 'own'],
      [0, null, 'x'],
    ])
    expect((await broker.readEnded(two)).map(plain)).toEqual([
      [0, null, 'by pattern'],
      [0, null, 'y'],
    ])
  })

  it('takes values through a format, with key and headers of its own', async () => {
    const topic = await broker.topic('format')
    const sink = await openUpsertSink(
      kafkaSink<{ id: number; at: number }>({
        brokers: broker.brokers,
        topic,
        delivery: 'at-least-once',
        format: json(),
        key: ({ id }) => `${id}`,
        headers: ({ id }) => ({ id: `${id}` }),
        timestampMs: ({ at }) => at,
      }),
    )
    const at = Date.now() - 1000
    await sink.write([{ id: 7, at }])
    await sink.flush()
    await sink.close()
    const [read] = await broker.readEnded(topic)
    expect([`${read?.key}`, JSON.parse(`${read?.value}`), read?.headers, read?.timestampMs]).toEqual([
      '7',
      { id: 7, at },
      { id: Buffer.from('7') },
      at,
    ])
  })

  it('makes a topic as it is told, and names one that is missing', async () => {
    const topic = broker.name('made')
    await write(options({ topic, create: { partitions: 3, config: { 'cleanup.policy': 'compact' } } }), [
      { key: 'k', value: 'v' },
    ])
    expect(await endOffsets(broker, topic)).toHaveLength(3)
    const missing = broker.name('missing')
    await expect(write(options({ topic: missing }), [])).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringContaining(`there is no topic "${missing}"`),
    })
    await expect(write(options({}), [{ topic: missing, value: 'v' }])).rejects.toThrow(`there is no topic "${missing}"`)
    await expect(write(options({}), [{ topic: 'no name', value: 'v' }])).rejects.toThrow(
      'cannot be the name of a topic',
    )
  })

  it('takes up added partitions', async () => {
    const topic = await broker.topic('growing', 1)
    const sink = await openUpsertSink(kafkaSink(options({ topic, delivery: 'at-least-once', metadataMaxAgeMs: 100 })))
    const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
    await sink.write(keys.map((key) => ({ key, value: 'before' })))
    await sink.flush()
    const admin = broker.kafka.admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await admin.disconnect()
    // A broker hears of a new partition a moment later; until then it denies that it leads it.
    const ends = () => endOffsets(broker, topic).catch(() => [])
    for (let known: string[] = []; known.length < 5 || known.includes('0'); known = await ends()) {
      await sink.write(keys.map((key) => ({ key, value: 'after' })))
      await sink.flush()
    }
    await sink.close()
    const read = await broker.readEnded(topic)
    for (const { key, value, partition } of read)
      if (`${value}` === 'before') expect([`${key}`, partition]).toEqual([`${key}`, 0])
  })

  it('looks for a partition at once that a record names and that was added since', async () => {
    const topic = await broker.topic('named', 1)
    const sink = await openUpsertSink(kafkaSink<WrittenRecord>(options({ topic, delivery: 'at-least-once' })))
    await sink.write([{ value: 'before', partition: 0 }])
    await broker.grow(topic, 3)
    await sink.write([{ value: 'after', partition: 2 }])
    await sink.flush()
    const written = (await broker.readAll(topic)).map(({ partition, value }) => [partition, String(value)])
    expect(written).toEqual([
      [0, 'before'],
      [2, 'after'],
    ])
    await sink.close()
  })

  it('names what a value lacks, and the partition that is not there', async () => {
    const topic = await broker.topic('wrong')
    const no = (value: unknown, reason: string) =>
      expect(write(options({ topic }), [value as WrittenRecord])).rejects.toMatchObject({
        code: 'USER_FUNCTION',
        message: expect.stringContaining(reason),
      })
    await no({ id: 1 }, 'the value of a record is undefined')
    await no({ key: 1, value: 'x' }, 'the key of a record is number')
    await no({ value: 'x', partition: 3 }, 'has no partition 3')
    await expect(write(options({}), [{ value: 'x' }])).rejects.toThrow('nothing says which topic')
    expect(await broker.readEnded(topic)).toEqual([])
  })

  it('names a record that is too large, and loses nothing', async () => {
    const topic = await broker.topic('large', 1, { 'max.message.bytes': '20000' })
    const sink = await openEpochSink(kafkaSink(options({ topic })))
    const writer = `${topic}/sink/0`
    await sink.lastEpoch(writer, false)
    // Larger batches than the topic takes are not made of records that it does.
    await sink.apply(writer, 1, batchesOf(Array.from({ length: 30 }, (_, i) => ({ value: `${i}`.padEnd(9000, '.') }))))
    await expect(
      sink.apply(writer, 2, batchesOf([{ value: 'small' }, { value: 'x'.repeat(30_000) }, { value: 'small' }])),
    ).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringMatching(/one record, \d+ bytes.*MESSAGE_TOO_LARGE/),
    })
    expect(await sink.lastEpoch(writer, true)).toBe(1)
    await sink.apply(writer, 2, batchesOf([{ value: 'small' }]))
    await sink.close()
    expect((await broker.readEnded(topic)).map(({ value }) => `${value}`.slice(0, 5).replace(/\.+/, ''))).toEqual([
      ...Array.from({ length: 30 }, (_, i) => `${i}`),
      'small',
    ])
  })

  it('writes nothing to a topic but records and the ends of transactions', async () => {
    const topic = await broker.topic('quiet', 3)
    const sink = await openEpochSink(kafkaSink(options({ topic })))
    const writer = `${topic}/sink/0`
    expect(await sink.lastEpoch(writer, false)).toBe(-1)
    expect(await sink.lastEpoch(writer, false)).toBe(-1)
    expect(await endOffsets(broker, topic)).toEqual(['0', '0', '0'])
    await sink.apply(writer, 4, batchesOf([{ value: 'x', partition: 1 }]))
    expect(await broker.readEnded(topic)).toHaveLength(1)
    expect(await endOffsets(broker, topic)).toEqual(['0', '2', '0'])
    await sink.apply(writer, 4, batchesOf([{ value: 'again', partition: 1 }]))
    expect(await endOffsets(broker, topic)).toEqual(['0', '2', '0'])
    await sink.close()
  })

  it.each([
    [{ topic: 'no name' }, 'topic'],
    [{ topic: 5 }, 'topic'],
    [{ format: {} }, 'format'],
    [{ batchBytes: 1 }, 'batchBytes'],
    [{ delivery: 'at-least-once', transactionTimeoutMs: 5000 }, 'transactionTimeoutMs'],
    [{ compression: 'rar' }, 'compression'],
    [{ acks: 1 }, 'acks'],
  ])('refuses options %j', (wrong, path) => {
    expect(() => kafkaSink(options(wrong as Partial<KafkaSinkOptions<WrittenRecord>>))).toThrow(
      expect.objectContaining({ code: 'CONNECTOR_OPTION', message: expect.stringContaining(`Option ${path}`) }),
    )
  })

  it('refuses a transaction timeout that the broker would not take', async () => {
    const topic = await broker.topic('timeout')
    await expect(write(options({ topic, transactionTimeoutMs: 1_000_000 }), [])).rejects.toThrow(
      "transactionTimeoutMs is 1000000, and the broker's transaction.max.timeout.ms 900000",
    )
  })
})
