// Whole syncs, on a real broker, with SQLite at both ends: the targets end equal to the source, whenever each job runs, stops or dies.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { run } from '../../../runtime/index.ts'
import type { Run } from '../../../runtime/control/run-types.ts'
import { filesSink } from '../../../src/connectors/files/index.ts'
import { sqliteChanges, sqliteTables } from '../../../src/connectors/sqlite/index.ts'
import type { Job } from '../../../src/graph/job.ts'
import { syncThroughKafka } from '../../../src/sync/index.ts'
import { describeBroker } from '../../support/kafka-servers.ts'

describeBroker('syncThroughKafka', (broker) => {
  let dir: string
  let prefix: string
  let source: Database.Database
  const runs: Run[] = []

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'millrace-sync-'))
    prefix = broker.name('sync')
    source = new Database(join(dir, 'source.db'))
    source.exec('PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT, amount REAL)')
    source.exec('CREATE TABLE people (name TEXT PRIMARY KEY, age INTEGER)')
  })
  afterEach(async () => {
    await Promise.all(runs.splice(0).map((one) => one.cancel()))
    source.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const jobs = (tables: readonly string[] = ['orders', 'people']): Record<string, Job> =>
    Object.fromEntries(
      syncThroughKafka('sync', { targets: ['copy', 'files'] }, () => ({
        source: (options) =>
          sqliteChanges({ file: join(dir, 'source.db'), ...options, rows: 'array', integers: 'bigint' }),
        tables,
        discoveryIntervalMs: 200,
        kafka: { brokers: broker.brokers },
        topics: { prefix },
        targets: {
          copy: (changes) => changes.to('to', sqliteTables({ file: join(dir, 'copy.db') }), { parallelism: 1 }),
          files: (changes) =>
            changes
              .map('line', ({ op, after, source: { table } }) => ({ op, table, after: after?.map(String) ?? null }))
              .to('to', filesSink({ directory: join(dir, 'files'), format: 'ndjson' }), { parallelism: 1 }),
        },
      })).map((job) => [job.name.replace('sync-', ''), job]),
    )

  function start(job: Job | undefined, settings: Record<string, string> = {}, more: object = {}): Run {
    const checkpoint = { intervalMs: 100 }
    const restart = { strategy: 'fixed-delay', attempts: 200, delayMs: 100 } as const
    const started = run(job as Job, { dataDir: join(dir, 'data'), checkpoint, restart, settings, ...more })
    started.events$.subscribe((event) => {
      if (event.type === 'failure') failures.push(`${event.job}: ${event.failure.message}`)
    })
    runs.push(started)
    return started
  }
  const failures: string[] = []

  function rows(file: string, table: string): unknown[] {
    const database = new Database(join(dir, file))
    try {
      return database.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all()
    } catch (error) {
      return [String(error)]
    } finally {
      database.close()
    }
  }

  async function expectEqual(...tables: string[]): Promise<void> {
    for (const table of tables)
      await expect.poll(() => rows('copy.db', table), { timeout: 30_000, interval: 100 }).toEqual(rows('source.db', table))
  }

  const insert = (from: number, to: number): void => {
    for (let id = from; id < to; id++) source.prepare('INSERT INTO orders VALUES (?, ?, ?)').run(id, `item ${id}`, id / 4)
  }

  it('ends with the target equal to the source, which changes all the while', async () => {
    insert(0, 300)
    source.exec("INSERT INTO people VALUES ('ann', 30), ('bob', 40)")
    const { incremental, full, 'apply-copy': copy, 'apply-files': files } = jobs()
    const all = [start(incremental), start(full), start(copy), start(files)]
    for (let round = 0; round < 20; round++) {
      insert(1000 + round * 10, 1010 + round * 10)
      source.exec(`UPDATE orders SET item = 'changed ${round}' WHERE id % 7 = ${round % 7}`)
      source.exec(`DELETE FROM orders WHERE id = ${round * 3}`)
      source.exec(`UPDATE people SET age = age + 1`)
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    const finished = await all[1]?.result
    expect([finished?.state, failures]).toEqual(['finished', expect.anything()])
    await expectEqual('orders', 'people')
  })
})
