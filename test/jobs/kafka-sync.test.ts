// jobs/kafka-sync.ts as it is shipped, on a real MySQL and a real broker: under load, its jobs are killed one by one, and both targets
// end equal to the source. After a failure the folder (checkpoints, logs, files) is left, and named; topics are never deleted here.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { describeBroker, type TestBroker } from '../support/kafka-servers.ts'
import { difference } from '../support/mysql-digest.ts'
import { describeServers, type TestServer } from '../support/mysql-servers.ts'
import { createTables, KEYED, touchAll, Workload } from '../support/mysql-workload.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'
import { replayed } from './kafka-sync/replayed.ts'

const JOB = fileURLToPath(new URL('../../jobs/kafka-sync.ts', import.meta.url))
const JOBS = ['incremental', 'full', 'apply-mysql', 'apply-files'].map((name) => `kafka-sync-${name}`)
const full = process.env.MILLRACE_FULL === '1'
const given = process.env.MILLRACE_SEED
const seeds = given === undefined ? Array.from({ length: full ? 2 : 1 }, (_, index) => index + 1) : [Number(given)]

describeBroker('kafka-sync', (broker) => {
  describeServers('kafka-sync', ['mysql'], (server) => {
    let sync: SyncUnderTest
    beforeEach(async () => {
      sync = await SyncUnderTest.prepare(server, broker)
    })
    afterEach(({ task }) => sync.end(task.result?.state === 'fail'))

    it.each(seeds)(
      'ends equal in both targets, whoever of it is killed (seed %i)',
      { timeout: 600_000 },
      async (seed) => {
        const rng = seededRng(seed)
        await createTables(sync.session, server.flavour, 20 + rng.int(300))
        const workload = new Workload({
          ...{ url: server.url(sync.database), flavour: server.flavour, rng: seededRng(seed + 1), truncates: true },
          ...{ connections: 3, transactionsPerDdl: 20, pauseMs: 8 },
        })
        await workload.open()
        await workload.run(100)
        sync.start()
        const work = workload.run(full ? 1000 : 600)
        const kills = sync.killAtRandom(rng, full ? 10 : 6)
        await Promise.all([work, kills])
        workload.close()
        await touchAll(sync.session)
        await sync.expectEqual()
      },
    )
  })
})

/** The whole sync in one command. */
class SyncUnderTest {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kafka-sync-'))
  readonly #settings: readonly string[]
  readonly session: MysqlConnection
  readonly database: string
  readonly #copy: string
  #process: BinProcess | undefined

  private constructor(
    session: MysqlConnection,
    names: { database: string; copy: string },
    settings: readonly string[],
  ) {
    this.session = session
    this.database = names.database
    this.#copy = names.copy
    this.#settings = [...settings, `files=${join(this.#folder, 'files')}`]
  }

  static async prepare(server: TestServer, broker: TestBroker): Promise<SyncUnderTest> {
    const [database, copy] = [await server.database('from'), await server.database('to')]
    // Of its own, for the jobs of all runs have the same names.
    const ledgers = await server.database('ledgers')
    return new SyncUnderTest(await server.connection(database), { database, copy }, [
      ...[
        `from=${server.url()}`,
        `to=${server.url(ledgers)}`,
        `tables=${database}.a*,${database}.*`,
        `into=${database}:${copy}`,
      ],
      ...[`brokers=${broker.brokers}`, `prefix=${broker.name('sync')}`],
    ])
  }

  start(...more: readonly string[]): BinProcess {
    const settings = this.#settings.flatMap((pair) => ['--set', pair])
    const options = [
      '--data-dir',
      join(this.#folder, 'data'),
      '--checkpoint-interval',
      '300ms',
      '--restart-delay',
      '100ms',
    ]
    this.#process = startBin('run-job', [JOB, ...settings, ...options, ...more])
    return this.#process
  }

  async killAtRandom(rng: Rng, kills: number): Promise<void> {
    for (let kill = 0; kill < kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 500 + rng.int(2_500)))
      this.#kill(JOBS[rng.int(JOBS.length)] as string)
    }
  }

  /** Has every job catch up with what it reads, one after the other, and compares. */
  async expectEqual(): Promise<void> {
    await this.stop()
    for (const job of JOBS) {
      const { code, stderr } = await this.start('--batch', '--job', job).result
      expect(code, stderr.slice(-4000)).toBe(0)
    }
    const { session, database } = this
    expect(await difference({ session, database }, { session, database: this.#copy })).toBe('')
    const lines = this.#lines()
    for (const { name } of KEYED) {
      const there = await session.query(`SELECT v FROM \`${name.replaceAll('`', '``')}\` ORDER BY 1`)
      expect(replayed(lines, `${database}.${name}`, 'v'), name).toEqual(there.map(([v]) => String(v)).sort())
    }
  }

  async stop(): Promise<void> {
    this.#process?.signal('SIGTERM')
    await this.#process?.result
    this.#process = undefined
  }

  async end(keep: boolean): Promise<void> {
    this.#process?.signal('SIGKILL')
    await this.#process?.result
    if (keep) {
      const kept = mkdtempSync('/var/tmp/kafka-sync-') // the folder of the run goes with it
      cpSync(this.#folder, kept, { recursive: true })
      process.stderr.write(`kept: ${kept}, ${this.#settings.join(' ')}\n`)
    }
    // Its processes end with it, a moment later.
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #lines(): string[] {
    const folder = join(this.#folder, 'files')
    const parts = readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
    return parts.flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
  }

  /** One that is not running, yet or any more, is left alone. */
  #kill(job: string): void {
    try {
      const lock = readFileSync(join(this.#folder, 'data', job, 'lock'), 'utf8')
      process.kill(Number(/"pid":\s*(\d+)/.exec(lock)?.[1]), 'SIGKILL')
    } catch (error) {
      if (!['ENOENT', 'ESRCH'].includes(String((error as NodeJS.ErrnoException).code))) throw error
    }
  }
}
