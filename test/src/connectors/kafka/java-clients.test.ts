// What we write is read by Java's clients, and the reverse: every compression, transactions, headers, tombstones, and where keys go.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import {
  type Compression,
  type KafkaRecord,
  kafkaSink,
  kafkaSource,
  type WrittenRecord,
} from '../../../../src/connectors/kafka/index.ts'
import { partitionOf } from '../../../../src/connectors/kafka/records/partitioner.ts'
import { fromArray, type Job, job } from '../../../../src/index.ts'
import { describeBroker, runKafkaTool } from '../../../support/kafka-servers.ts'

const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']
const PARTITIONS = 5
const NULL = '(null)'

/** Keys and values of all sorts; long ones, so that compression does something. */
const ENTRIES = Array.from({ length: 200 }, (_, i) => ({
  key: i % 10 === 0 ? '' : `${'größe'.repeat(i % 4)}-😀-${i}`,
  value: i % 7 === 0 ? null : `${i} ${'value '.repeat(i % 50)}`,
  header: `h${i}`,
}))

async function finished(one: Job): Promise<void> {
  const result = await runJobHere(one, { mode: 'batch', recordsPerCheckpoint: 50 })
  expect(result.failure?.message).toBeUndefined()
}

describeBroker('with Java’s clients', (broker) => {
  it('its consumer reads what kafkaSink commits, and nothing of what was aborted', async () => {
    const topics = await Promise.all(COMPRESSIONS.map((compression) => broker.topic(compression, PARTITIONS)))
    for (const [i, compression] of COMPRESSIONS.entries()) {
      const topic = topics[i] as string
      await abortOne(topic)
      const written = ENTRIES.map(
        ({ key, value, header }): WrittenRecord => ({ key, value, headers: { topic, header } }),
      )
      const to = kafkaSink({ brokers: broker.brokers, topic, compression })
      await finished(job(topic, (flow) => flow.from('records', fromArray(written)).to('topic', to)))
    }
    const lines = await consume(topics.join('|'), ENTRIES.length * topics.length)
    for (const topic of topics)
      for (let partition = 0; partition < PARTITIONS; partition += 1)
        expect(lines.filter((line) => line.startsWith(`Partition:${partition}|topic:${topic},`))).toEqual(
          ENTRIES.filter(({ key }) => partitionOf(key, PARTITIONS) === partition).map(
            ({ key, value, header }) =>
              `Partition:${partition}|topic:${topic},header:${header}|${key}|${value ?? NULL}`,
          ),
        )
    expect(lines).toHaveLength(ENTRIES.length * topics.length)
  })

  it.each(COMPRESSIONS)(
    'kafkaSource reads what its producer writes, whose keys go where ours do: %s',
    async (compression) => {
      const topic = await broker.topic('theirs', PARTITIONS)
      await produce(topic, compression)
      const out: KafkaRecord[] = []
      const from = kafkaSource({ brokers: broker.brokers, topics: topic })
      await finished(job('read', (flow) => flow.from('topic', from).to('out', collect(out))))
      expect(out).toHaveLength(ENTRIES.length)
      for (const { key, value, header } of ENTRIES) {
        const found = out.filter(({ headers }) => String(headers[0]?.[1]) === header)
        expect(found.map((one) => [one.key?.toString(), one.value?.toString() ?? null])).toEqual([[key, value]])
        expect(found[0]?.partition).toBe(partitionOf(key, PARTITIONS))
        expect(Math.abs((found[0]?.timestampMs ?? 0) - Date.now())).toBeLessThan(600_000)
      }
    },
  )

  /** By kafkajs: a transaction that is given up. */
  async function abortOne(topic: string): Promise<void> {
    const producer = broker.kafka.producer({
      transactionalId: broker.name('aborted'),
      maxInFlightRequests: 1,
      idempotent: true,
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ key: 'aborted', value: 'aborted' }] })
    await transaction.abort()
    await producer.disconnect()
  }

  /** What Java's console consumer prints of topics that match, in order within each partition. */
  async function consume(include: string, count: number): Promise<string[]> {
    const properties = ['headers', 'key', 'partition'].map((part) => `print.${part}=true`)
    const stdout = await runKafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', broker.brokers, '--include', include, '--from-beginning'],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '30000', '--max-messages', String(count)],
      ...[...properties, 'key.separator=|', `null.literal=${NULL}`].flatMap((one) => ['--formatter-property', one]),
    ])
    return stdout.split('\n').filter((line) => line.includes('|'))
  }

  /** By Java's console producer. */
  async function produce(topic: string, compression: Compression): Promise<void> {
    const properties = [
      'parse.key=true',
      'parse.headers=true',
      'key.separator=|',
      'headers.delimiter=~',
      `null.marker=${NULL}`,
    ]
    const args = [
      ...['java', 'org.apache.kafka.tools.ConsoleProducer', '--bootstrap-server', broker.brokers, '--topic', topic],
      ...['--compression-codec', compression],
      ...properties.flatMap((property) => ['--reader-property', property]),
    ]
    const script = fileURLToPath(new URL('../../../services/kafka.sh', import.meta.url))
    const running = promisify(execFile)(script, args, { env: { ...process.env, TIER: '1' } })
    const lines = ENTRIES.map(({ key, value, header }) => `header:${header}~${key}|${value ?? NULL}\n`)
    running.child.stdin?.end(lines.join(''))
    await running
  }
})
