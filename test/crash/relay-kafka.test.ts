// Two Kafkas and a line between them that is cut and restored, while the jobs of both ends and both brokers are killed: what one has, the other
// has, record for record in each partition, and a consumer group goes on there with the very next record.

import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { commitOffsets } from '../../src/connectors/kafka/client/group-offsets.ts'
import { reports } from '../../src/relay/index.ts'
import type { GroupPosition } from '../../src/relay/kafka/offsets-report.ts'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { openClient } from '../src/connectors/kafka/client/open-client.ts'
import { copied, partitionsOf, produceAll } from '../src/relay/kafka/copied.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import {
  type BrokerProcess,
  clientOf,
  describePrivateBrokers,
  startBroker,
  type TestBroker,
} from '../support/kafka-servers.ts'
import type { BinProcess } from '../support/run-job.ts'
import { freePorts } from '../support/server-process.ts'
import { disturb, killAtRandom, Runs, seeds } from './storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = full ? 900_000 : 180_000

describePrivateBrokers('Kafka to relay to Kafka', () => {
  let [east, west]: BrokerProcess[] = []
  let clients: ReturnType<typeof clientOf>[] = []
  beforeAll(async () => {
    // Topics that are made there must say that records keep their times.
    const stamping = { options: ['log.message.timestamp.type=LogAppendTime'] }
    ;[east, west] = await Promise.all([startBroker(), startBroker(stamping)])
    clients = [east, west].map((broker) => clientOf(broker as BrokerProcess))
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await Promise.all([east?.kill(), west?.kill()])
  })

  it.each(seeds(full ? 2 : 1))('a storm over jobs, line and brokers (seed %i)', { timeout }, async (seed) => {
    const rng = seededRng(seed)
    const [from, to] = clients as unknown as readonly [TestBroker, TestBroker]
    const topics = [await from.topic('storm', 3), await from.topic('storm', 1)]
    const ends = await Ends.open(rng, { from: from.brokers, to: to.brokers, topics: topics.join(',') })
    let made = 0
    const write = async (count: number): Promise<void> => {
      for (const topic of topics) await produceAll(from, topic, count, made)
      made += count
    }
    await write(500)
    let [sender, receiver] = [ends.send(), ends.receive()]
    for (let falls = full ? 8 : 3; falls > 0; falls -= 1) {
      const calm = disturb(ends.proxy, rng)
      await write(100 + rng.int(1_000))
      const who = rng.int(full ? 5 : 4)
      if (who !== 0) sender = await fallen(sender, rng, () => ends.send())
      if (who !== 1) receiver = await fallen(receiver, rng, () => ends.receive())
      if (who === 2) await east?.restart()
      if (who === 3) await west?.restart()
      if (who === 4) await from.grow(topics[1] as string, (await partitionsOf(from, topics[1] as string)) + 1)
      await calm()
    }
    await write(300)
    for (const topic of topics) {
      const compared = { from, topic, to, target: topic }
      await expect.poll(() => copied(compared), { timeout: timeout / 2, interval: 500 }).toBe(made)
    }
    await failOver(from, to, topics[0] as string, rng)
    for (const bin of [sender, receiver]) {
      bin.signal('SIGTERM')
      expect((await bin.result).code).toBe(0)
    }
    for (const topic of topics) expect(await copied({ from, topic, to, target: topic })).toBe(made)
  })
})

/** Killed, and started again. */
async function fallen(end: BinProcess, rng: Rng, again: () => BinProcess): Promise<BinProcess> {
  await killAtRandom(end, rng)
  return again()
}

/** A group that stops somewhere at the source goes on at the target with what comes next there. */
async function failOver(from: TestBroker, to: TestBroker, topic: string, rng: Rng): Promise<void> {
  const group = from.name('group')
  const original = await from.readEnded(topic)
  const ends = [0, 1, 2].map((partition) => rng.int(original.filter((one) => one.partition === partition).length))
  const client = await openClient({ brokers: from.brokers })
  await commitOffsets(
    client,
    group,
    ends.map((offset, partition) => ({ topic, partition, offset })),
  )
  await client.close()
  const positions = async (): Promise<readonly GroupPosition[]> => {
    const request = { job: '', connection: { brokers: to.brokers }, flags: { group: [group] } }
    return ((await reports.offsets(request)).data as { offsets: readonly GroupPosition[] }).offsets
  }
  await expect.poll(async () => (await positions()).length, { interval: 500 }).toBe(3)
  const found = await positions()
  const there = await to.readEnded(topic)
  for (const [partition, offset] of ends.entries()) {
    const next = there.find((one) => one.partition === partition && one.offset >= (found[partition]?.offset ?? 0))
    const wanted = original.find((one) => one.partition === partition && one.offset >= offset)
    expect([found[partition]?.missing, String(next?.headers.n)]).toEqual([0, String(wanted?.headers.n)])
  }
}

interface EndsOptions {
  readonly from: string
  readonly to: string
  readonly topics: string
}

const SEND = fileURLToPath(new URL('./jobs/relay-kafka-send.ts', import.meta.url))
const RECEIVE = fileURLToPath(new URL('./jobs/relay-kafka-receive.ts', import.meta.url))

/** Both jobs, and the line. Nothing of it outlives the test. */
class Ends {
  readonly proxy: FaultProxy
  readonly #folder = mkdtempSync(join(tmpdir(), 'relay-kafka-'))
  readonly #options: EndsOptions
  readonly #port: number
  readonly #sender: Runs
  readonly #receiver: Runs

  private constructor(rng: Rng, port: number, proxy: FaultProxy, options: EndsOptions) {
    this.#options = options
    this.#port = port
    this.proxy = proxy
    this.#sender = new Runs(rng, 1_000)
    this.#receiver = new Runs(rng, 1_000)
  }

  static async open(rng: Rng, options: EndsOptions): Promise<Ends> {
    const port = await freePorts(1)
    const ends = new Ends(rng, port, await FaultProxy.to(port), options)
    onTestFinished(async () => {
      await Promise.all([ends.#sender.end(), ends.#receiver.end()])
      await ends.proxy.close()
      await rm(ends.#folder, { recursive: true, force: true })
    })
    return ends
  }

  send(): BinProcess {
    const { from, topics } = this.#options
    const settings = [
      `brokers=${from}`,
      `topics=${topics}`,
      'site=east',
      'target=west',
      `to=127.0.0.1:${this.proxy.port}`,
    ]
    return this.#sender.start(join(this.#folder, 'east'), [SEND, ...asFlags(settings)])
  }

  receive(): BinProcess {
    const settings = [
      `brokers=${this.#options.to}`,
      'site=west',
      `port=${this.#port}`,
      `prefix=${basename(this.#folder)}`,
    ]
    return this.#receiver.start(join(this.#folder, 'west'), [RECEIVE, ...asFlags(settings)])
  }
}

const asFlags = (settings: readonly string[]): string[] => settings.flatMap((one) => ['--set', one])
