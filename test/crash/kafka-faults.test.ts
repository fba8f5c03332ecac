// What befalls transactions: a zombie that writes on beside its successor, answers that come too late, time that runs out; and what records
// may be.

import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Message } from 'kafkajs'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import {
  clientOf,
  describeBroker,
  describePrivateBrokers,
  type ReadRecord,
  startProxiedBroker,
  type TestBroker,
} from '../support/kafka-servers.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'
import { PLACES_JOB, Teller } from './kafka-storm.ts'
import { KafkaWatch } from './kafka-watch.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = 600_000
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A job between two topics, what writes into it and who reads behind it. */
class Carriage {
  readonly folder: string
  readonly teller: Teller
  readonly watch: KafkaWatch
  readonly #settings: readonly string[]
  readonly #jobs: BinProcess[] = []

  private constructor(folder: string, teller: Teller, watch: KafkaWatch, settings: readonly string[]) {
    this.folder = folder
    this.teller = teller
    this.watch = watch
    this.#settings = settings
  }

  /** Closed when the test is finished. `brokers`: where the job reaches them. */
  static async open(broker: TestBroker, brokers: string, settings: readonly string[] = []): Promise<Carriage> {
    const folder = await mkdtemp(join(tmpdir(), 'kafka-faults-'))
    const [from, to] = [await broker.topic('from', 3), await broker.topic('to', 3)]
    const watch = await KafkaWatch.open({ brokers: broker.brokers, topic: to, single: false })
    const all = [`brokers=${brokers}`, `from=${from}`, `to=${to}`, `prefix=${to}`, 'work=count', ...settings]
    const carriage = new Carriage(folder, new Teller(broker, from, 3), watch, all)
    onTestFinished(async () => {
      for (const { child } of carriage.#jobs) child.kill('SIGKILL')
      for (const { result } of carriage.#jobs) await result
      await watch.close()
      await rm(folder, { recursive: true })
    })
    return carriage
  }

  start(name: string, restarts: number): BinProcess {
    const strategy = ['--restart', 'fixed-delay', '--restart-attempts', String(restarts), '--restart-delay', '100ms']
    const job = startBin('run-job', [
      PLACES_JOB,
      ...this.#settings.flatMap((pair) => ['--set', pair]),
      ...['--data-dir', join(this.folder, name), '--checkpoint-interval', '50ms', '--parallelism', '2'],
      ...(restarts === 0 ? ['--restart', 'none'] : strategy),
    ])
    this.#jobs.push(job)
    return job
  }

  /** A stream of records, so that each checkpoint has some. */
  async tellFor(ms: number): Promise<void> {
    for (const endMs = performance.now() + ms; performance.now() < endMs; await pause(10)) await this.teller.tell(20)
  }

  /** Until readers have seen all that was told, and nothing else. Throws if the job ends before. */
  async arrived(job: BinProcess): Promise<void> {
    let ended: string | undefined
    void job.result.then(({ code, stderr }) => (ended = `the job ended with ${code}:\n${stderr.slice(-4000)}`))
    while (this.watch.seen < this.teller.told && ended === undefined) await pause(20)
    if (ended !== undefined) throw new Error(ended)
    await this.watch.readings(2)
    expect(this.watch.seen).toBe(this.teller.told)
  }

  async stop({ signal, result }: BinProcess): Promise<void> {
    signal('SIGTERM')
    const { code, stderr } = await result
    expect(code, stderr).toBe(0)
    await this.watch.readings(2)
    expect(this.watch.seen).toBe(this.teller.told)
  }
}

describeBroker('a job that was replaced', (broker) => {
  it('and goes on, has its writes refused', { timeout }, async () => {
    const rng = seededRng(1)
    for (let round = 0; round < (full ? 3 : 1); round++) {
      const carriage = await Carriage.open(broker, broker.brokers)
      const zombie = carriage.start('zombie', 0)
      await carriage.teller.tell(300)
      await carriage.arrived(zombie)
      await carriage.tellFor(rng.int(200))
      zombie.signal('SIGSTOP')
      await cp(join(carriage.folder, 'zombie'), join(carriage.folder, 'successor'), {
        recursive: true,
        filter: (path) => !basename(path).startsWith('lock'),
      })
      const successor = carriage.start('successor', 0)
      await carriage.teller.tell(300)
      await carriage.arrived(successor)
      zombie.signal('SIGCONT')
      await carriage.teller.tell(300)
      const { code, stderr } = await zombie.result
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/SINK_FAILED.*fenced/s) })
      await carriage.arrived(successor)
      await carriage.stop(successor)
    }
  })
})

describeBroker('a job that copies', (broker) => {
  it('takes records of every kind, and loses nothing of them', { timeout }, async () => {
    const config = { 'max.message.bytes': '12000000' }
    const [from, to] = [await broker.topic('from', 1, config), await broker.topic('to', 1, config)]
    const folder = await mkdtemp(join(tmpdir(), 'kafka-kinds-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const kinds: Message[] = [
      { key: null, value: null },
      { key: 'tombstone', value: null },
      { key: '', value: '' },
      { key: null, value: 'without a key', timestamp: '1700000000001' },
      { key: Buffer.from([0xff, 0, 0xfe]), value: Buffer.from([0x80, 0]) },
      { key: 'twice', value: 'v', headers: { name: ['one', 'two', ''], ähm: Buffer.from([0xff]) } },
      { key: 'large', value: randomBytes(10_000_000) },
      { key: 'after', value: 'the large one' },
    ]
    for (const message of kinds) await broker.produce(from, [message])
    const settings = [
      `brokers=${broker.brokers}`,
      `from=${from}`,
      `to=${to}`,
      `prefix=${to}`,
      'work=copy',
      'bounded=true',
    ]
    const args = [PLACES_JOB, ...settings.flatMap((pair) => ['--set', pair]), '--data-dir', folder]
    const { code, stderr } = await startBin('run-job', args).result
    expect(code, stderr).toBe(0)
    expect((await broker.readEnded(to)).map(brief)).toEqual((await broker.readAll(from)).map(brief))
  })
})

describePrivateBrokers('a job whose', () => {
  let to: Awaited<ReturnType<typeof startProxiedBroker>>
  let client: ReturnType<typeof clientOf>
  const brokers = (): string => `127.0.0.1:${to.proxy.port}`
  beforeAll(async () => {
    to = await startProxiedBroker()
    client = clientOf(to.broker)
  })
  afterAll(async () => {
    await client.close()
    await to.proxy.close()
    await to.broker.kill()
  })

  it('answers come when it has given them up, asks what became of its transaction', { timeout }, async () => {
    const carriage = await Carriage.open(client, brokers(), ['requestTimeout=300'])
    const job = carriage.start('data', 1000)
    const rng = seededRng(3)
    await carriage.teller.tell(100)
    await carriage.arrived(job)
    // What is sent within a short while comes later than what the job sends when it has given up waiting for the answer.
    const told = carriage.tellFor(full ? 15_000 : 4_000)
    for (let over = false; !over; ) {
      to.proxy.set({ delayMs: 400 + rng.int(400) })
      await pause(20 + rng.int(100))
      to.proxy.set()
      over = await Promise.race([told.then(() => true), pause(500 + rng.int(500)).then(() => false)])
    }
    await carriage.arrived(job)
    await carriage.stop(job)
  })

  // skip: time must run out again and again; in npm test the sink's own tests wait for it once
  it.skipIf(!full)('transactions run out of time, applies them again', { timeout }, async () => {
    const carriage = await Carriage.open(client, brokers(), ['timeout=1500'])
    const rng = seededRng(7)
    to.proxy.set({ delayMs: 30 })
    const job = carriage.start('data', 1000)
    await carriage.teller.tell(100)
    await carriage.arrived(job)
    const aborted = async (): Promise<boolean> =>
      (await client.readAll(carriage.watch.topic, 'read_uncommitted')).length > carriage.teller.told
    for (let round = 0; round < 5 || !(await aborted()); round++) {
      await carriage.tellFor(400 + rng.int(300))
      job.signal('SIGSTOP')
      await pause(2500)
      job.signal('SIGCONT')
      await carriage.arrived(job)
    }
    to.proxy.set()
    await carriage.stop(job)
  })
})

/** All of a record but its offset (ends of transactions have some, too); a long value by its hash. */
function brief({ value, offset: _, ...rest }: ReadRecord): unknown {
  const short = value === null || value.length < 100
  return { ...rest, value: short ? value : createHash('sha256').update(value).digest('hex') }
}
