// A storm over Kafka: a job carries records from one topic to another while it, the broker and the network between them fall, again and
// again, and starts with other parallelism each time; whoever reads what is committed sees each record once and in order, at all times.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import type { BrokerProcess, FaultProxy, TestBroker } from '../support/kafka-servers.ts'
import { KafkaWatch } from './kafka-watch.ts'
import { disturb, killAtRandom, Runs, stopWhen } from './storm.ts'

/** The job that all of these tests are about. */
export const PLACES_JOB = fileURLToPath(new URL('./jobs/kafka-places.ts', import.meta.url))

export interface KafkaStormOptions {
  readonly broker: TestBroker
  readonly seed: number
  /** copy: through one partition, in the order of all; count: keyed, from three partitions, later five, to three. */
  readonly work: 'copy' | 'count'
  /** How often something falls: the job, without `processes` and `proxy`. */
  readonly falls: number
  /** Killed too, or instead: one of them, or two. */
  readonly processes?: readonly BrokerProcess[]
  /** The job's connections are cut, reset, delayed and left half-open. */
  readonly proxy?: FaultProxy
  /** More settings of the job. */
  readonly settings?: readonly string[]
}

/** Throws what readers saw that they should not have. Returns how many records there were. */
export async function stormOverKafka(options: KafkaStormOptions): Promise<number> {
  const { broker, seed, work, falls, processes = [], proxy, settings = [] } = options
  const rng = seededRng(seed)
  const runs = new Runs(rng, processes.length === 0 && proxy === undefined ? 0 : 1000)
  onTestFinished(() => runs.end())
  const folder = await mkdtemp(join(tmpdir(), 'kafka-storm-'))
  const partitions = work === 'copy' ? 1 : 3
  const [from, to] = [await broker.topic('from', partitions), await broker.topic('to', partitions)]
  const teller = new Teller(broker, from, partitions)
  const watch = await KafkaWatch.open({ brokers: broker.brokers, topic: to, single: work === 'copy' })
  const brokers = proxy === undefined ? broker.brokers : `127.0.0.1:${proxy.port}`
  const args = [`brokers=${brokers}`, `from=${from}`, `to=${to}`, `prefix=${to}`, `work=${work}`, ...settings]
  const command = [PLACES_JOB, ...args.flatMap((pair) => ['--set', pair])]
  try {
    for (let n = 0; n < falls; n++) {
      if (work === 'count' && n === Math.floor(falls / 2)) await teller.grow(5)
      await teller.tell(100 + rng.int(400))
      const trouble = proxy === undefined ? undefined : disturb(proxy, rng)
      const job = runs.start(folder, command)
      const down = rng.int(3) > 0 ? processes.filter(() => rng.int(processes.length) === 0) : []
      const bounces = down.map((server) => bounce(server, rng))
      await Promise.all([killAtRandom(job, rng, processes.length === 0 ? 400 : 2500), ...bounces])
      await trouble?.()
      void watch.seen
    }
    await teller.tell(100)
    const last = runs.start(folder, command)
    await stopWhen(last, async () => watch.seen >= teller.told)
    const { code, stderr } = await last.result
    if (code !== 0) throw new Error(`the last run ended with ${code}:\n${stderr.slice(-6000)}`)
    return await countOf(watch, teller.told)
  } catch (error) {
    // Else the fault is the test's.
    const written = (await broker.readAll(from)).length
    throw new Error(`seed ${seed}: ${teller.told} records were told and ${written} written`, { cause: error })
  } finally {
    await runs.end()
    await watch.close()
    await rm(folder, { recursive: true })
  }
}

/** What readers have seen when all is told; more than that would show within some readings. */
async function countOf(watch: KafkaWatch, told: number): Promise<number> {
  while (watch.seen < told) await new Promise((resolve) => setTimeout(resolve, 20))
  await watch.readings(2)
  if (watch.seen !== told) throw new Error(`${watch.seen} records were seen of ${told}`)
  return watch.seen
}

/** Kills a broker at a random moment, or stops it in order, and starts it again. */
async function bounce(server: BrokerProcess, rng: Rng): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, rng.int(2000)))
  if (rng.int(4) === 0) await server.stop()
  else await server.kill()
  await server.start()
}

/** Writes records as a kafka-places job takes them. */
export class Teller {
  readonly #broker: TestBroker
  readonly #topic: string
  #partitions: number
  /** Keys end with how many partitions there were: each stays in its own. */
  readonly #counts = new Map<string, number>()
  #told = 0

  constructor(broker: TestBroker, topic: string, partitions: number) {
    this.#broker = broker
    this.#topic = topic
    this.#partitions = partitions
  }

  /** How many it has written. */
  get told(): number {
    return this.#told
  }

  /** Adds partitions to the topic. */
  async grow(partitions: number): Promise<void> {
    await this.#broker.grow(this.#topic, partitions)
    this.#partitions = partitions
  }

  async tell(records: number): Promise<void> {
    const messages = Array.from({ length: records }, (_, index) => {
      const i = this.#told + index
      const k = (i * 7919) % 37
      const key = `${k}/${this.#partitions}`
      const n = this.#counts.get(key) ?? 0
      this.#counts.set(key, n + 1)
      return { key, value: JSON.stringify({ key, n, i }), partition: k % this.#partitions }
    })
    await this.#broker.produce(this.#topic, messages)
    this.#told += records
  }
}
