// What goes wrong on the way to the broker, and what readers of read_committed see then: every record once, in order.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { WrittenRecord } from '../../../../../src/connectors/kafka/formats/format.ts'
import { kafkaSink } from '../../../../../src/connectors/kafka/sink/kafka-sink.ts'
import type { KafkaSinkOptions } from '../../../../../src/connectors/kafka/sink/options.ts'
import type { EpochSinkFunction } from '../../../../../src/contract/sink-function.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import {
  allow,
  clientOf,
  describeBroker,
  describePrivateBrokers,
  disallow,
  type FaultProxy,
  startBroker,
  startCluster,
  startProxiedBroker,
  type TestBroker,
} from '../../../../support/kafka-servers.ts'
import { batchesOf, openEpochSink, openUpsertSink } from './sink-driver.ts'

const epochOf = (epoch: number, records = 10): WrittenRecord[] =>
  Array.from({ length: records }, (_, i) => ({ key: `k${i % 4}`, value: `${epoch}:${i}` }))

const valuesOf = async (broker: TestBroker, topic: string): Promise<string[]> =>
  (await broker.readEnded(topic)).map(({ value }) => `${value}`)

const written = (...epochs: readonly number[]): string[] =>
  epochs.flatMap((epoch) => epochOf(epoch).map(({ value }) => `${value}`))

/** The values of each key, in order. */
function valuesByKey(records: readonly { readonly key?: unknown; readonly value: unknown }[]): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (const { key, value } of records) values.set(`${key}`, [...(values.get(`${key}`) ?? []), `${value}`])
  return values
}

/** A batch, then waits for `gate`, then another one. */
function held(first: readonly WrittenRecord[], gate: Promise<unknown>, second: readonly WrittenRecord[] = first) {
  return {
    async *[Symbol.asyncIterator]() {
      yield first
      await gate
      yield second
    },
  }
}

describeBroker('kafkaSink and its like', (broker) => {
  const options = (topic: string, more: Partial<KafkaSinkOptions<WrittenRecord>> = {}) => ({
    brokers: broker.brokers,
    topic,
    ...more,
  })

  it('lets a zombie write nothing, whatever it has sent already', async () => {
    const topic = await broker.topic('zombie')
    const writer = `${topic}/sink/0`
    const zombie = await openEpochSink(kafkaSink(options(topic, { lingerMs: 0 })))
    await zombie.lastEpoch(writer, false)
    await zombie.apply(writer, 1, batchesOf(epochOf(1)))
    let wake = (): void => {}
    const paused = zombie.apply(writer, 2, held(epochOf(2), new Promise<void>((resolve) => (wake = resolve))))
    const outcome = expect(paused).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringContaining('another producer has taken the transactional id'),
    })
    while ((await broker.readAll(topic, 'read_uncommitted')).length < 20) await sleep(5)

    const successor = await openEpochSink(kafkaSink(options(topic)))
    expect(await successor.lastEpoch(writer, true)).toBe(1)
    await successor.apply(writer, 2, batchesOf(epochOf(2)))
    wake()
    await outcome
    await expect(zombie.apply(writer, 2, batchesOf(epochOf(2)))).rejects.toThrow('has taken the transactional id')
    // The zombie's end has not harmed the one that goes on.
    await successor.apply(writer, 3, batchesOf(epochOf(3)))
    expect(await successor.lastEpoch(writer, true)).toBe(3)
    await zombie.close()
    await successor.close()
    expect(await valuesOf(broker, topic)).toEqual(written(1, 2, 3))
  })

  it('keeps a zombie that was about to register its marker from setting it back', async () => {
    const topic = await broker.topic('registers')
    const writer = `${topic}/sink/0`
    const sinks = await Promise.all([1, 2, 3, 4].map(() => openEpochSink(kafkaSink(options(topic)))))
    const opened = await Promise.allSettled(sinks.map((sink) => sink.lastEpoch(writer, false)))
    const alive: EpochSinkFunction<WrittenRecord>[] = []
    for (const [i, { status }] of opened.entries()) {
      if (status === 'rejected') continue
      const sink = sinks[i] as EpochSinkFunction<WrittenRecord>
      if (
        await sink.apply(writer, 1, batchesOf(epochOf(1))).then(
          () => true,
          () => false,
        )
      )
        alive.push(sink)
    }
    expect(alive).toHaveLength(1)
    for (const sink of sinks) await sink.close()
    expect(await valuesOf(broker, topic)).toEqual(written(1))
  })

  it('says that a marker is gone where one must be', async () => {
    const topic = await broker.topic('expired')
    const writer = `${topic}/sink/0`
    const groupId = `millrace.${topic}.sink.0`
    const sink = await openEpochSink(kafkaSink(options(topic)))
    await sink.lastEpoch(writer, false)
    await sink.apply(writer, 1, batchesOf(epochOf(1)))
    await sink.close()
    const admin = broker.kafka.admin()
    await admin.connect()
    await admin.deleteGroups([groupId])
    const next = await openEpochSink(kafkaSink(options(topic)))
    await expect(next.lastEpoch(writer, true)).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringContaining(`its marker is gone: group "${groupId}"`),
    })
    // As the message says: offset 2 stands for epoch 1.
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '2' }] })
    await admin.disconnect()
    expect(await next.lastEpoch(writer, true)).toBe(1)
    await next.close()
  })

  it('refuses the marker of a writer whose name looks the same', async () => {
    const topic = await broker.topic('named')
    const sink = await openEpochSink(kafkaSink(options(topic)))
    await sink.lastEpoch(`${topic}/a.b/0`, false)
    await expect(sink.lastEpoch(`${topic}.a/b/0`, false)).rejects.toThrow(`the marker of writer "${topic}/a.b/0"`)
    await sink.close()
  })

  it('fails loudly when the broker has aborted a transaction that took too long, and writes it again', async () => {
    const topic = await broker.topic('slow')
    const writer = `${topic}/sink/0`
    const first = await openEpochSink(kafkaSink(options(topic)))
    await first.lastEpoch(writer, false)
    await first.apply(writer, 1, batchesOf(epochOf(1)))
    await first.close()
    // Long enough for what is not held back.
    const sink = await openEpochSink(kafkaSink(options(topic, { transactionTimeoutMs: 5000, lingerMs: 0 })))
    expect(await sink.lastEpoch(writer, true)).toBe(1)
    const aborted = (async () => {
      // Until its abort can be seen, in that a successor's records are seen.
      while ((await broker.readAll(topic, 'read_uncommitted')).length < 20) await sleep(5)
      await broker.produce(topic, [{ value: 'after' }])
      while ((await broker.readAll(topic)).length < 11) await sleep(50)
    })()
    await expect(sink.apply(writer, 2, held(epochOf(2), aborted, []))).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringMatching(
        /or the broker has aborted the transaction \(it was open for \d+ ms; transactionTimeoutMs is 5000\)/,
      ),
    })
    expect(await sink.lastEpoch(writer, true)).toBe(1)
    await sink.apply(writer, 2, batchesOf(epochOf(2)))
    await sink.close()
    expect(await valuesOf(broker, topic)).toEqual([...written(1), 'after', ...written(2)])
  })

  it('warns before a transaction takes too long', async () => {
    const topic = await broker.topic('tight')
    const logged: string[] = []
    let aheadMs = 0
    const clock = { ...systemClock, monotonic: () => performance.now() + aheadMs }
    const sink = await openEpochSink(kafkaSink(options(topic, { transactionTimeoutMs: 300_000 })), { logged, clock })
    const writer = `${topic}/sink/0`
    await sink.lastEpoch(writer, false)
    async function* slow() {
      yield epochOf(1)
      aheadMs = 100_001
      yield []
    }
    await sink.apply(writer, 1, slow())
    await sink.close()
    expect(logged).toEqual([expect.stringMatching(/^writing epoch 1 took 100\d{3} ms of the 300000 ms/)])
  })

  it.each(['exactly-once', 'at-least-once'] as const)('names a topic that was deleted midway: %s', async (delivery) => {
    const topic = await broker.topic('deleted')
    const sink = kafkaSink(options(topic, { delivery, retryMaxMs: 3000 }))
    const writer = `${topic}/sink/0`
    const write =
      delivery === 'exactly-once'
        ? await openEpochSink(sink).then((it) => (epoch: number) => it.apply(writer, epoch, batchesOf(epochOf(epoch))))
        : await openUpsertSink(sink).then((it) => async (epoch: number) => {
            await it.write(epochOf(epoch))
            await it.flush()
          })
    await write(1)
    const admin = broker.kafka.admin()
    await admin.connect()
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
    const failure = (async () => {
      // Deleted is a topic for each broker at its time.
      for (let epoch = 2; ; epoch += 1) await write(epoch)
    })()
    await expect(failure).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringMatching(new RegExp(`${topic}.*UNKNOWN_TOPIC_OR_PARTITION`)),
    })
    await sink.close()
  })
})

describePrivateBrokers('kafkaSink in a broken world', () => {
  describe('answers that are lost', () => {
    const answered = (proxy: FaultProxy): number => Math.max(0, ...proxy.received)

    /** Does the work while the connection breaks behind so many more bytes of answers; whether it broke. */
    const breaking = async (proxy: FaultProxy, bytes: number, work: () => unknown): Promise<boolean> => {
      proxy.set({ resetAfterBytes: answered(proxy) + bytes })
      const connections = proxy.accepted
      let isOver = false
      const working = Promise.resolve(work()).finally(() => {
        isOver = true
      })
      while (!isOver && proxy.accepted === connections) await sleep(1)
      const broke = !isOver
      proxy.set()
      await working
      return broke
    }

    // Answer by answer: that one and all after it are lost, what was asked is done.
    it('has each epoch once, wherever the connection breaks', async () => {
      const { broker, proxy } = await startProxiedBroker()
      const direct = clientOf(broker)
      const topic = await direct.topic('lost')
      const writer = `${topic}/sink/0`
      const sink = await openEpochSink(kafkaSink({ brokers: `127.0.0.1:${proxy.port}`, topic }))
      await sink.lastEpoch(writer, false)
      const before = answered(proxy)
      await sink.apply(writer, 1, batchesOf(epochOf(1)))
      const bytes = answered(proxy) - before
      let epoch = 1
      let breaks = 0
      for (let at = 1; at <= bytes; at += 9) {
        epoch += 1
        const next = epoch
        if (await breaking(proxy, at, () => sink.apply(writer, next, batchesOf(epochOf(next))))) breaks += 1
      }
      expect(breaks).toBeGreaterThan(15)
      expect(await sink.lastEpoch(writer, true)).toBe(epoch)
      await sink.close()
      expect(await valuesOf(direct, topic)).toEqual(written(...Array.from({ length: epoch }, (_, i) => i + 1)))
      await direct.close()
      await proxy.close()
      await broker.stop()
    })

    it('registers its marker, wherever the connection breaks', async () => {
      const { broker, proxy } = await startProxiedBroker()
      const direct = clientOf(broker)
      const topic = await direct.topic('registered')
      const sink = await openEpochSink(kafkaSink({ brokers: `127.0.0.1:${proxy.port}`, topic }))
      const before = answered(proxy)
      await sink.lastEpoch(`${topic}/calm/0`, false)
      const bytes = answered(proxy) - before
      let breaks = 0
      for (let at = 1; at <= bytes; at += 17) {
        const writer = `${topic}/sink/${at}`
        if (await breaking(proxy, at, () => sink.lastEpoch(writer, false))) breaks += 1
        expect(await sink.lastEpoch(writer, true)).toBe(-1)
      }
      expect(breaks).toBeGreaterThan(10)
      await sink.close()
      await direct.close()
      await proxy.close()
      await broker.stop()
    })

    it('sends what it has at least once, in order, over a connection that breaks', async () => {
      const { broker, proxy } = await startProxiedBroker()
      const direct = clientOf(broker)
      const topic = await direct.topic('breaking')
      const counters = new Map<string, number>()
      const sink = await openUpsertSink(
        kafkaSink({
          brokers: `127.0.0.1:${proxy.port}`,
          topic,
          delivery: 'at-least-once',
          requestTimeoutMs: 1000,
          lingerMs: 0,
        }),
        { counters },
      )
      for (let round = 1; round <= 30; round += 1) {
        const writing = sink.write(epochOf(round))
        if (round % 10 === 0) proxy.set({ halfOpen: true })
        else if (round % 3 === 0) proxy.cut()
        await writing
        const flushing = sink.flush()
        if (round % 10 === 0) {
          await sleep(100)
          proxy.cut()
          proxy.set()
        }
        await flushing
      }
      await sink.close()
      expect(counters.get('sinkRetries')).toBeGreaterThan(0)
      // An idempotent producer's batch that is sent again is taken once.
      expect(await valuesOf(direct, topic)).toEqual(written(...Array.from({ length: 30 }, (_, i) => i + 1)))
      await direct.close()
      await proxy.close()
      await broker.stop()
    })
  })

  it('goes on after the broker was killed and started again', async () => {
    const broker = await startBroker()
    const direct = clientOf(broker)
    const topic = await direct.topic('killed')
    const writer = `${topic}/sink/0`
    const sink = await openEpochSink(kafkaSink({ brokers: broker.brokers, topic }))
    await sink.lastEpoch(writer, false)
    for (let epoch = 1; epoch <= 4; epoch += 1) {
      let wake = (): void => {}
      const gate = new Promise<void>((resolve) => (wake = resolve))
      const applying = sink.apply(writer, epoch, held(epochOf(epoch).slice(0, 5), gate, epochOf(epoch).slice(5)))
      if (epoch % 2 === 0) {
        await broker.kill()
        await broker.start()
      }
      wake()
      await applying
    }
    await sink.close()
    expect(await valuesOf(direct, topic)).toEqual(written(1, 2, 3, 4))
    await direct.close()
    await broker.stop()
  })

  it('follows leaders and coordinators to other brokers', async () => {
    const processes = await startCluster()
    const direct = clientOf(...processes)
    const brokers = direct.brokers
    const [exact, least] = [await direct.topic('moved-exact', 6), await direct.topic('moved-least', 6)]
    const writers = [0, 1, 2, 3].map((subtask) => `${exact}/sink/${subtask}`)
    // Their coordinators are on several brokers.
    const sinks = await Promise.all(
      writers.map(() => openEpochSink(kafkaSink<WrittenRecord>({ brokers, topic: exact, requestTimeoutMs: 5000 }))),
    )
    const atLeast = await openUpsertSink(
      kafkaSink<WrittenRecord>({ brokers, topic: least, delivery: 'at-least-once', requestTimeoutMs: 5000 }),
    )
    const recordsOf = (name: string, epoch: number): WrittenRecord[] =>
      Array.from({ length: 60 }, (_, i) => ({ key: `${name}/k${i % 20}`, value: `${epoch}:${i}` }))
    let epoch = 0
    const round = async (): Promise<void> => {
      epoch += 1
      const now = epoch
      await Promise.all([
        ...sinks.map((sink, i) => sink.apply(`${writers[i]}`, now, batchesOf(recordsOf(`${i}`, now)))),
        Promise.resolve(atLeast.write(recordsOf('0', now))).then(() => atLeast.flush()),
      ])
    }
    await Promise.all(sinks.map((sink, i) => sink.lastEpoch(`${writers[i]}`, false)))
    for (const process of processes.slice(1)) {
      for (const end of ['stop', 'kill'] as const) {
        const ending = process[end]()
        for (let i = 0; i < 5; i += 1) await round()
        await ending
        await round()
        await process.start()
        await round()
      }
    }
    for (const sink of [...sinks, atLeast]) await sink.close()
    const epochs = Array.from({ length: epoch }, (_, each) => each + 1)
    const expected = (names: readonly string[]): Map<string, string[]> =>
      valuesByKey(names.flatMap((name) => epochs.flatMap((each) => recordsOf(name, each))))
    expect(valuesByKey(await direct.readEnded(exact))).toEqual(expected(['0', '1', '2', '3']))
    expect(valuesByKey(await direct.readEnded(least))).toEqual(expected(['0']))
    await direct.close()
    for (const process of processes.reverse()) await process.stop()
  })

  it('goes on after the broker has forgotten its transactional id', async () => {
    const forgetful = [
      'transactional.id.expiration.ms=500',
      'transaction.remove.expired.transaction.cleanup.interval.ms=200',
    ]
    const broker = await startBroker({ options: forgetful })
    const direct = clientOf(broker)
    const topic = await direct.topic('forgotten')
    const writer = `${topic}/sink/0`
    const logged: string[] = []
    const sink = await openEpochSink(kafkaSink({ brokers: broker.brokers, topic }), { logged })
    await sink.lastEpoch(writer, false)
    let epoch = 0
    while (!logged.some((line) => line.includes('INVALID_PRODUCER_ID_MAPPING'))) {
      epoch += 1
      await sink.apply(writer, epoch, batchesOf(epochOf(epoch)))
      await sleep(1500)
    }
    await sink.close()
    expect(await valuesOf(direct, topic)).toEqual(written(...Array.from({ length: epoch }, (_, i) => i + 1)))
    await direct.close()
    await broker.stop()
  })

  it('names the right that it lost midway, and goes on when it has it again', async () => {
    const authorizer = [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS',
    ]
    const broker = await startBroker({ options: authorizer })
    const direct = clientOf(broker)
    const topic = await direct.topic('rights')
    const writer = `${topic}/sink/0`
    const admin = direct.kafka.admin()
    await admin.connect()
    // kafkajs's numbers: topic 2, group 3, transactional id 5; literal 3; read 3, write 4, describe 8; allow 3.
    const acl = (resourceType: number, resourceName: string, operation: number) => ({
      resourceType,
      resourceName,
      resourcePatternType: 3,
      principal: 'User:millrace',
      host: '*',
      operation,
      permissionType: 3,
    })
    const id = `millrace.${topic}.sink.0`
    const [read, write] = [acl(2, topic, 3), acl(2, topic, 4)]
    await allow(admin, write, acl(3, id, 3), acl(5, id, 4))
    const sasl = { mechanism: 'plain', username: 'millrace', password: 'millrace' } as const
    const make = () => kafkaSink({ brokers: broker.sasl, sasl, topic, retryMaxMs: 5000 })
    await expect(openEpochSink(make())).rejects.toThrow(`the principal lacks the ACL Read on topic "${topic}"`)
    await allow(admin, read)
    const sink = await openEpochSink(make())
    await expect(sink.lastEpoch(`${topic}/other/0`, false)).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringMatching(/millrace\.[^ ]+\.other\.0.*TRANSACTIONAL_ID_AUTHORIZATION_FAILED/),
    })
    await sink.lastEpoch(writer, false)
    await sink.apply(writer, 1, batchesOf(epochOf(1)))
    await disallow(admin, write)
    await expect(sink.apply(writer, 2, batchesOf(epochOf(2)))).rejects.toMatchObject({
      code: 'SINK_FAILED',
      message: expect.stringMatching(new RegExp(`topic "${topic}".*TOPIC_AUTHORIZATION_FAILED.*Write`)),
    })
    await expect(openEpochSink(make())).rejects.toThrow(`the principal lacks the ACL Write on topic "${topic}"`)
    await allow(admin, write)
    const next = await openEpochSink(make())
    expect(await next.lastEpoch(writer, true)).toBe(1)
    await next.apply(writer, 2, batchesOf(epochOf(2)))
    await next.close()
    await sink.close()
    await admin.disconnect()
    expect(await valuesOf(direct, topic)).toEqual(written(1, 2))
    await direct.close()
    await broker.stop()
  })
})
