// fromKafka to toKafka with a line between: at any parallelism, with records of any size, over a line that is cut.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Run, run } from '../../../../runtime/index.ts'
import { inTemporaryFolder } from '../../../../runtime/testing/temporary-folder.ts'
import { relaySink, relaySource } from '../../../../src/connectors/relay/index.ts'
import { job } from '../../../../src/index.ts'
import { byTopicHash, fromKafka, kafkaRecords, toKafka } from '../../../../src/relay/index.ts'
import { FaultProxy } from '../../../support/fault-proxy.ts'
import { describeBroker, type TestBroker } from '../../../support/kafka-servers.ts'
import { freePorts } from '../../../support/server-process.ts'
import { copied, produceAll } from './copied.ts'

const FRAME_BYTES_MAX = 12 << 20

/** Two jobs and the line between them. */
class Relay {
  readonly proxy: FaultProxy
  readonly prefix: string
  readonly #broker: TestBroker
  readonly #port: number
  readonly #topics: string
  readonly #folder: string

  private constructor(broker: TestBroker, topics: string, folder: string, line: { port: number; proxy: FaultProxy }) {
    this.#broker = broker
    this.#topics = topics
    this.#folder = folder
    this.#port = line.port
    this.proxy = line.proxy
    this.prefix = broker.name('west-')
  }

  static async open(broker: TestBroker, topics: string, folder: string): Promise<Relay> {
    const port = await freePorts(1)
    return new Relay(broker, topics, folder, { port, proxy: await FaultProxy.to(port) })
  }

  send(parallelism: number): Run {
    const { brokers } = this.#broker
    const sending = job(`${this.prefix}send`, (flow) => {
      const from = { brokers, topics: this.#topics, site: 'east', discoveryIntervalMs: 100 }
      const targets = `127.0.0.1:${this.proxy.port}`
      fromKafka(flow, 'topics', from)
        // Chained to the source at its parallelism: order is kept.
        .filter('all', () => true)
        .to(
          'line',
          relaySink({
            site: 'east',
            targets,
            codec: kafkaRecords,
            stream: byTopicHash(3),
            reconnectMaxMs: 200,
            frameBytesMax: FRAME_BYTES_MAX,
          }),
        )
    })
    return this.#run(sending, parallelism)
  }

  receive(parallelism: number): Run {
    const receiving = job(`${this.prefix}receive`, (flow) => {
      const line = flow.from(
        'line',
        relaySource({
          site: 'west',
          listen: `127.0.0.1:${this.#port}`,
          codec: kafkaRecords,
          frameBytesMax: FRAME_BYTES_MAX,
        }),
      )
      toKafka(line, 'topics', { brokers: this.#broker.brokers, site: 'west', topics: { '*': `${this.prefix}*` } })
    })
    return this.#run(receiving, parallelism)
  }

  #run(which: ReturnType<typeof job>, parallelism: number): Run {
    return run(which, {
      ...{ dataDir: join(this.#folder, which.name), inProcess: true, parallelism },
      checkpoint: { intervalMs: 50 },
    })
  }

  /** Waits until so many records of a topic are there, and none differs. */
  async arrived(topic: string, count: number): Promise<void> {
    const compared = { from: this.#broker, topic, to: this.#broker, target: `${this.prefix}${topic}` }
    await expect.poll(() => copied(compared), { interval: 200 }).toBe(count)
  }
}

async function stopped(...runs: readonly Run[]): Promise<void> {
  await Promise.all(runs.map((one) => one.stop()))
  for (const one of runs) expect((await one.result).state).toBe('stopped')
}

describeBroker('Kafka to relay to Kafka', (broker) => {
  it('keeps order at any parallelism of both ends, another one after each restart too', async () => {
    const begins = broker.name('wide')
    const topics = await Promise.all([3, 2, 1, 1].map((partitions) => broker.topic(begins, partitions)))
    await inTemporaryFolder(async (folder) => {
      const relay = await Relay.open(broker, `${begins}-*`, folder)
      let made = 0
      for (const [sending, receiving] of [
        [2, 3],
        [1, 1],
        [3, 2],
      ] as const) {
        const runs = [relay.send(sending), relay.receive(receiving)]
        for (const topic of topics) await produceAll(broker, topic, 200, made)
        relay.proxy.cut()
        for (const topic of topics) await produceAll(broker, topic, 100, made + 200)
        made += 300
        // Stopped on the way the second time: what is in the queues then goes on.
        if (sending !== 1) for (const topic of topics) await relay.arrived(topic, made)
        await stopped(...runs)
      }
      await relay.proxy.close()
    })
  })

  it('notices new topics and partitions on the way, and takes a record of 8 MB', async () => {
    const begins = broker.name('grown')
    const topic = await broker.topic(begins, 1, { 'max.message.bytes': String(9 << 20) })
    await inTemporaryFolder(async (folder) => {
      const relay = await Relay.open(broker, `${begins}-*`, folder)
      const runs = [relay.send(1), relay.receive(2)]
      await produceAll(broker, topic, 20)
      await relay.arrived(topic, 20)
      await broker.grow(topic, 3)
      const later = await broker.topic(begins, 2)
      await produceAll(broker, topic, 30, 20)
      await produceAll(broker, later, 40)
      await broker.produce(topic, [{ partition: 2, key: 'large', value: Buffer.alloc(8 << 20, 'x') }])
      await relay.arrived(topic, 51)
      await relay.arrived(later, 40)
      await stopped(...runs)
      await relay.proxy.close()
    })
  })
})
