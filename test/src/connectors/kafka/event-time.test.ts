// Event time over Kafka: each partition's own, whoever reads it. Partitions are read at different paces, some not at all, and some are added;
// the job is killed and goes on with other parallelism; what comes out is what a plain count gives, once.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Run, run } from '../../../../runtime/index.ts'
import { json, kafkaSink, kafkaSource } from '../../../../src/connectors/kafka/index.ts'
import { count, type Job, job, monotonousTimestamps, tumblingWindows } from '../../../../src/index.ts'
import { deferred } from '../../../../src/util/deferred.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import {
  type Click,
  type Counted,
  CountWindows,
  countedIn,
  inOrder,
  WINDOW_MS,
} from '../../../support/event-time-job.ts'
import { describeBroker, KafkaReader, type TestBroker } from '../../../support/kafka-servers.ts'

/** At least: the job is not ended before. */
const LIVES = 5
const START = 1_700_000_000_000
/** Behind all windows that are looked at. */
const END = START + 1_000_000

const NEVER = new Promise<void>(() => {})

type Written = readonly [partition: number, click: Click]

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'kafka-event-time-'))
})
afterEach(() => rmSync(dataDir, { recursive: true }))

describeBroker('event time', (broker) => {
  it('slow partitions and ones that are added lose nothing, through kills and at any parallelism', async () => {
    const world = await World.make(broker, 3)
    const rng = seededRng(7)
    const lives = world.live(LIVES, [1, 3, 2, 4], () => 1 + rng.int(3))
    // Partition 2 stays 40 records behind the others, in time and on the clock.
    await world.write(paced(600, [0, 1], 2, 40))
    await world.addPartition()
    const second = START + 6000 + WINDOW_MS
    await world.write(clicksOf(3, 40, second))
    await world.untilRead(3, 40)
    await world.write([...clicksOf(0, 80, second), ...clicksOf(1, 80, second), ...clicksOf(2, 80, second)])
    await world.close(4)
    await world.expectCounted()
    expect(await lives.end()).toBeGreaterThanOrEqual(LIVES)
    await world.expectCounted()
  })

  it('a partition without records is not waited for, and counts again once it has some', async () => {
    const world = await World.make(broker, 2, 300)
    const lives = world.live(1, [2], () => Number.POSITIVE_INFINITY)
    await world.write(clicksOf(0, 100, START))
    // The window of the last record is still open.
    await world.expectCounted(START + 900)
    await world.write(clicksOf(1, 10, START + 1500))
    await world.untilRead(1, 10)
    await world.write(clicksOf(0, 100, START + 2000))
    await world.close(2)
    await world.expectCounted()
    await lives.end()
  })
})

/** `count` clicks, 10 ms apart. */
function clicksOf(partition: number, count: number, start: number): Written[] {
  return Array.from({ length: count }, (_, i) => [partition, { key: (i * 7 + partition) % 5, at: start + i * 10 }])
}

/** Clicks of all partitions as time goes, those of one of them `behind` records later than they happened. */
function paced(count: number, partitions: readonly number[], slow: number, behind: number): Written[] {
  const written: Written[] = []
  const [late, ...others] = [slow, ...partitions].map((partition) => clicksOf(partition, count, START))
  for (let i = 0; i < count + behind; i += 1) {
    for (const clicks of others) written.push(...clicks.slice(i, i + 1))
    if (i >= behind) written.push(...(late as Written[]).slice(i - behind, i - behind + 1))
  }
  return written
}

interface Names {
  readonly clicks: string
  readonly timers: string
  readonly windows: string
  readonly group: string
}

/** A topic of clicks, the job that counts them twice over, and what it gave. */
class World {
  readonly #broker: TestBroker
  readonly #names: Names
  readonly #idleAfterMs: number | undefined
  readonly #written: Click[] = []
  readonly late = { records: 0 }
  #producer: Producer | undefined
  /** Rejects when a life has failed. */
  readonly #ended = deferred<never>()

  private constructor(broker: TestBroker, names: Names, idleAfterMs: number | undefined) {
    this.#broker = broker
    this.#names = names
    this.#idleAfterMs = idleAfterMs
    this.#ended.promise.catch(() => {}) // heard where something is waited for
  }

  static async make(broker: TestBroker, partitions: number, idleAfterMs?: number): Promise<World> {
    // Records are as old as their event times.
    const clicks = await broker.topic('clicks', partitions, { 'retention.ms': '-1' })
    const [timers, windows] = [await broker.topic('timers', 3), await broker.topic('windows', 2)]
    const world = new World(broker, { clicks, timers, windows, group: broker.name('group') }, idleAfterMs)
    await world.#connect()
    return world
  }

  #job(): Job {
    const { brokers } = this.#broker
    const { clicks, timers, windows, group } = this.#names
    const idle = this.#idleAfterMs === undefined ? {} : { idleAfterMs: this.#idleAfterMs }
    const source = () =>
      kafkaSource<Click>({ brokers, topics: clicks, format: json<Click>(), groupId: group, discoveryIntervalMs: 100 })
    const sink = (topic: string) =>
      kafkaSink<Counted>({ brokers, topic, format: json<Counted>(), key: ({ key }) => String(key) })
    return job('windows', (flow) => {
      const keyed = flow
        .from('clicks', source(), { watermarks: monotonousTimestamps<Click>(idle) })
        .keyBy('key', ({ key }) => key)
      keyed.process('timers', () => new CountWindows(() => (this.late.records += 1))).to('timers-out', sink(timers))
      keyed
        .window(tumblingWindows(WINDOW_MS))
        .aggregate('windows', count(), (key, { end }, counted): Counted => ({ key, end, count: counted }))
        .to('windows-out', sink(windows))
    })
  }

  /**
   * Runs the job again and again, with the next parallelism each time, killed after so many checkpoints, until it is ended. Lives behind
   * the least are longer and longer: on a busy machine there is nothing yet in the first checkpoints of a life.
   */
  live(least: number, parallelisms: readonly number[], checkpoints: () => number): { end(): Promise<number> } {
    const ending = deferred()
    const lives = this.#lives(
      parallelisms,
      (life) => checkpoints() * 2 ** Math.max(0, life - least),
      (life) => (life < least ? NEVER : ending.promise),
    )
    lives.catch((error: unknown) => this.#ended.reject(error))
    return {
      end: () => {
        ending.resolve()
        return lives
      },
    }
  }

  async #lives(
    parallelisms: readonly number[],
    checkpoints: (life: number) => number,
    ending: (life: number) => Promise<void>,
  ): Promise<number> {
    for (let life = 0; ; life += 1) {
      const running = run(this.#job(), {
        dataDir,
        parallelism: parallelisms[life % parallelisms.length] as number,
        checkpoint: { intervalMs: 100 },
        restart: { strategy: 'none' },
      })
      const killed = completed(running, checkpoints(life + 1)).then(() => 'killed' as const)
      const failed = running.result.then(() => 'failed' as const)
      const end = await Promise.race([ending(life + 1).then(() => 'ended' as const), killed, failed])
      const result = end === 'ended' ? await running.stop() : await running.cancel()
      expect(result.failure).toBeUndefined()
      if (end === 'ended') return life + 1
    }
  }

  /** In order, as they come: some at once, then a pause. */
  async write(all: readonly Written[]): Promise<void> {
    for (let i = 0; i < all.length; i += 40) {
      const some = all.slice(i, i + 40)
      this.#written.push(...some.map(([, click]) => click))
      await this.#produce(some)
      await sleep(30)
    }
  }

  async #produce(all: readonly Written[]): Promise<void> {
    const messages = all.map(([partition, click]) => ({
      partition,
      value: JSON.stringify(click),
      timestamp: String(click.at),
    }))
    await this.#producer?.send({ topic: this.#names.clicks, messages, acks: -1 })
  }

  /** Event time passes all windows. */
  close(partitions: number): Promise<void> {
    return this.#produce(Array.from({ length: partitions }, (_, partition) => [partition, { key: 0, at: END }]))
  }

  /** kafkajs writes nothing to a partition that it did not know when it connected, and says nothing. */
  async #connect(): Promise<void> {
    await this.#producer?.disconnect()
    this.#producer = this.#broker.kafka.producer({ maxInFlightRequests: 1 })
    await this.#producer.connect()
  }

  async addPartition(): Promise<void> {
    await this.#broker.grow(this.#names.clicks, 4)
    await this.#connect()
  }

  /** A checkpoint holds that the job has read so many records of a partition. */
  async untilRead(partition: number, records: number): Promise<void> {
    const admin = this.#broker.kafka.admin()
    await admin.connect()
    try {
      for (;;) {
        const topics = await admin.fetchOffsets({ groupId: this.#names.group, topics: [this.#names.clicks] })
        const found = topics[0]?.partitions.find((one) => one.partition === partition)
        if (Number(found?.offset ?? -1) >= records) return
        await sleep(50)
      }
    } finally {
      await admin.disconnect()
    }
  }

  /** Waits until as much has come out as a plain count gives of windows before `end`, and compares. */
  async expectCounted(end = END): Promise<void> {
    const expected = inOrder(countedIn(this.#written).filter((one) => one.end <= end))
    for (const topic of [this.#names.timers, this.#names.windows]) {
      const reader = await KafkaReader.open(this.#broker.brokers, topic)
      const found: Counted[] = []
      const all = async () => {
        for (const { value } of await reader.poll()) found.push(JSON.parse(String(value)) as Counted)
        return inOrder(found)
      }
      await Promise.race([expect.poll(all, { interval: 20 }).toEqual(expected), this.#ended.promise])
      await reader.close()
    }
    expect(this.late.records).toBe(0)
  }
}

/** So many checkpoints are complete; never, if the run ends before. */
function completed({ checkpoints$ }: Run, checkpoints: number): Promise<unknown> {
  return new Promise((resolve) => {
    let left = checkpoints
    checkpoints$.subscribe(({ status }) => {
      if (status === 'complete' && --left === 0) resolve(undefined)
    })
  })
}
