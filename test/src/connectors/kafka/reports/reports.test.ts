// `millrace kafka markers|transactions`, on what real sinks have left in a real cluster.

import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { main } from '../../../../../runtime/cli/main.ts'
import { commitOffsets } from '../../../../../src/connectors/kafka/client/group-offsets.ts'
import { kafkaSink } from '../../../../../src/connectors/kafka/sink/kafka-sink.ts'
import { describeBroker, describePrivateBrokers, startBroker } from '../../../../support/kafka-servers.ts'
import { openClient } from '../client/open-client.ts'
import { batchesOf, openEpochSink } from '../sink/sink-driver.ts'

async function millrace(...args: string[]) {
  let out = ''
  let err = ''
  const stream = (write: (text: string) => void) => ({ write }) as unknown as NodeJS.WriteStream
  const code = await main('millrace', args, {
    stdout: stream((text) => {
      out += text
    }),
    stderr: stream((text) => {
      err += text
    }),
    env: {},
  })
  return { code, out, err }
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-report-'))
function file(text: string): string {
  const path = join(folder, `${Math.random()}.json`)
  writeFileSync(path, text)
  return path
}

const records = [
  { key: 'a', value: '1' },
  { key: 'b', value: '2' },
]

describeBroker('millrace kafka', (broker) => {
  it('markers: lists each writer, its last epoch, and when it was committed', async () => {
    const topic = await broker.topic('markers', 2)
    const job = broker.name('job')
    const writers = [`${job}/sink/0`, `${job}/sink/10`, `${job}/sink/2`]
    for (const writer of [...writers, `${job}.other/sink/0`]) {
      const sink = await openEpochSink(kafkaSink({ brokers: broker.brokers, topic }))
      await sink.lastEpoch(writer, false)
      if (writer !== writers[1]) await sink.apply(writer, 7, batchesOf(records))
      await sink.close()
    }
    const { code, out, err } = await millrace('kafka', 'markers', job, '--brokers', broker.brokers)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const lines = out
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/))
    expect(lines).toEqual([
      ['writer', 'epoch', 'records', 'committed', 'marker', 'group and transactional id'],
      [`${job}/sink/0`, '7', '2', expect.stringMatching(/ago$/), `${topic}/0`, `millrace.${job}.sink.0`],
      [`${job}/sink/2`, '7', '2', expect.stringMatching(/ago$/), `${topic}/0`, `millrace.${job}.sink.2`],
      [`${job}/sink/10`, 'none yet', '0', expect.stringMatching(/ago$/), `${topic}/0`, `millrace.${job}.sink.10`],
    ])
    const config = file(JSON.stringify({ brokers: [broker.brokers], clientId: 'me' }))
    const json = JSON.parse((await millrace('kafka', 'markers', job, '--config', config, '--json')).out)
    expect(json.markers.map(({ writer, epoch }: Record<string, unknown>) => [writer, epoch])).toEqual([
      [writers[0], 7],
      [writers[2], 7],
      [writers[1], -1],
    ])
  })

  it('markers: shows offsets that somebody else has set, and says where there is none', async () => {
    const topic = await broker.topic('markers')
    const job = broker.name('job')
    const client = await openClient({ brokers: broker.brokers })
    await commitOffsets(client, `mine.${job}.sink.0`, [{ topic, partition: 0, offset: 4, metadata: 'not JSON' }])
    const given = await millrace('kafka', 'markers', job, '--brokers', broker.brokers, '--prefix', 'mine', '--json')
    expect(JSON.parse(given.out).markers).toEqual([
      { writer: `${job}.sink.0`, group: `mine.${job}.sink.0`, topic, partition: 0, epoch: 3, records: null, at: null },
    ])
    const none = await millrace('kafka', 'markers', job, '--brokers', broker.brokers)
    expect(none).toEqual({
      code: 0,
      out: `No marker of job "${job}" is in this cluster: no group millrace.${job}.* has one.\n`,
      err: '',
    })
  })

  it('transactions: shows those of the job, those of others that hold its readers back, and the readers', async () => {
    const topic = await broker.topic('open', 4)
    const job = broker.name('job')
    const writer = `${job}/sink/0`
    const sink = await openEpochSink(kafkaSink({ brokers: broker.brokers, topic, lingerMs: 0 }))
    await sink.lastEpoch(writer, false)
    await sink.apply(writer, 1, batchesOf([{ partition: 2, key: null, value: 'done' }]))
    const reader = broker.name('reader')
    const client = await openClient({ brokers: broker.brokers })
    await commitOffsets(client, reader, [{ topic, partition: 2, offset: 0 }])

    const other = broker.name('other')
    const producer = broker.kafka.producer({ transactionalId: other, maxInFlightRequests: 1 })
    await producer.connect()
    const foreign = await producer.transaction()
    await foreign.send({ topic, messages: [{ partition: 2, value: 'foreign' }] })
    let wake = (): void => {}
    const gate = new Promise<void>((resolve) => (wake = resolve))
    const applied = sink.apply(writer, 2, {
      async *[Symbol.asyncIterator]() {
        yield [0, 1, 3].map((partition) => ({ partition, key: null, value: 'open' }))
        await gate
      },
    })
    while ((await broker.readAll(topic, 'read_uncommitted')).length < 5) await sleep(5)

    const ask = (...more: string[]) => millrace('kafka', 'transactions', job, '--brokers', broker.brokers, ...more)
    const found = JSON.parse((await ask('--json')).out)
    expect(found.transactions).toEqual([
      expect.objectContaining({ id: `millrace.${job}.sink.0`, state: 'Ongoing', startedMs: expect.any(Number) }),
    ])
    const places = found.transactions[0].partitions.map((one: { partition: number }) => one.partition)
    expect(places.toSorted()).toEqual([0, 1, 3])
    const open = found.open.toSorted((a: { partition: number }, b: { partition: number }) => a.partition - b.partition)
    expect(open).toMatchObject([
      { partition: 0, id: `millrace.${job}.sink.0`, ofJob: true, from: 0, lastStableOffset: 0, highWatermark: 1 },
      { partition: 1, ofJob: true },
      { partition: 2, id: other, ofJob: false, from: 2, lastStableOffset: 2, highWatermark: 3 },
      { partition: 3, ofJob: true },
    ])
    expect(found.readers).toEqual([{ group: reader, topic, partition: 2, offset: 0, lag: 2 }])

    const { out } = await ask()
    expect(out).toContain(`millrace.${job}.sink.0  Ongoing`)
    expect(out).toContain(`${topic}/0-1,3`)
    expect(out).toContain(`${other} (not of this job)`)
    expect(out).toMatch(new RegExp(`${reader} +${topic}/2 +0 +2\n`))

    wake()
    await applied
    await foreign.abort()
    await producer.disconnect()
    await expect.poll(async () => JSON.parse((await ask('--json')).out).open).toEqual([])
    expect((await ask()).out).toContain('None is open there.')
    await sink.close()
  })

  it('transactions: looks at the topics that are named, also of a job that the cluster does not know', async () => {
    const topic = await broker.topic('named')
    const job = broker.name('job')
    const producer = broker.kafka.producer({ transactionalId: broker.name('other'), maxInFlightRequests: 1 })
    await producer.connect()
    const foreign = await producer.transaction()
    await foreign.send({ topic, messages: [{ value: 'x' }] })
    const named = ['--topic', topic, '--topic', broker.name('nowhere')]
    const { code, out } = await millrace('kafka', 'transactions', job, '--brokers', broker.brokers, ...named)
    expect(code).toBe(0)
    expect(out).toContain(`No transactional id millrace.${job}.* is known to this cluster.`)
    expect(out).toContain(`${topic}/0`)
    expect(out).toContain('No group has committed offsets there.')
    await foreign.abort()
    await producer.disconnect()
  })
})

describe('millrace kafka, mistakes', () => {
  it.each([
    [[], 'it is missing: --brokers HOST:PORT'],
    [['--brokers', 'nonsense'], '"nonsense" is not host:port'],
    [['--config', '/nowhere/kafka.json'], 'no such file'],
    [['--config', file('{')], 'JSON'],
    [['--config', file('[]')], 'expected an object'],
    [['--config', file('{"brokers":"a:1","topics":"x"}')], 'topics'],
    [['--brokers', 'a:1', '--broker', 'b'], 'did you mean --brokers?'],
  ])('%j: %s', async (args, message) => {
    const { code, out, err } = await millrace('kafka', 'markers', 'job', ...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })

  it('names the brokers that do not answer', async () => {
    const config = file('{"brokers":"127.0.0.1:1","retryMaxMs":100}')
    const { code, err } = await millrace('kafka', 'transactions', 'job', '--config', config)
    expect(code).toBe(1)
    expect(err).toContain('ask the Kafka brokers 127.0.0.1:1: Connection to 127.0.0.1:1')
    expect(err).toContain('ECONNREFUSED')
  })

  it('has help', async () => {
    const markers = await millrace('help', 'kafka', 'markers')
    expect(markers.out).toContain('millrace kafka markers JOB [options]')
    expect((await millrace('kafka', 'transactions', '--help')).out).toContain('--topic NAME')
    expect((await millrace('help')).out).toContain('kafka transactions JOB')
  })
})

describePrivateBrokers('millrace kafka', () => {
  it('shows a principal what it may see, and names the ACL it lacks', async () => {
    const options = [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS',
    ]
    const broker = await startBroker({ options })
    const sasl = { mechanism: 'plain', username: 'millrace', password: 'wrong' }
    const config = (password: string) => file(JSON.stringify({ brokers: broker.sasl, sasl: { ...sasl, password } }))
    const refused = await millrace('kafka', 'markers', 'job', '--config', config('wrong'))
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('SASL_AUTHENTICATION_FAILED')
    expect(refused.err).not.toContain('"wrong"')
    const nothing = await millrace('kafka', 'markers', 'job', '--config', config('millrace'))
    expect(nothing).toMatchObject({ code: 0, out: expect.stringContaining('No marker') })
    const denied = await millrace('kafka', 'transactions', 'job', '--config', config('millrace'), '--topic', 'any')
    expect(denied).toMatchObject({
      code: 1,
      err: expect.stringContaining('the principal User:millrace lacks an ACL on the topic'),
    })
    await broker.stop()
  })
})
