// Whole syncs, on a real broker, with SQLite at both ends: the targets end equal to the source, whenever each job runs, stops or dies.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { filter, firstValueFrom } from 'rxjs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listCheckpoints } from '../../../runtime/control/checkpoint-tools.ts'
import type { Run } from '../../../runtime/control/run-types.ts'
import { run } from '../../../runtime/index.ts'
import { filesSink } from '../../../src/connectors/files/index.ts'
import { type SqliteValue, sqliteChanges, sqliteTables } from '../../../src/connectors/sqlite/index.ts'
import type { Job } from '../../../src/graph/job.ts'
import { syncThroughKafka } from '../../../src/sync/index.ts'
import { seededRng } from '../../../src/util/rng.ts'
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
      syncThroughKafka<SqliteValue[], 'copy' | 'files'>('sync', { targets: ['copy', 'files'] }, () => ({
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
    runs.push(started)
    return started
  }
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
      await expect.poll(() => rows('copy.db', table), { interval: 100 }).toEqual(rows('source.db', table))
  }

  const insert = (from: number, to: number): void => {
    for (let id = from; id < to; id++)
      source.prepare('INSERT INTO orders VALUES (?, ?, ?)').run(id, `item ${id}`, id / 4)
  }

  /** What the files target has of a table. */
  const lines = (table: string): { readonly op: string; readonly after: readonly string[] | null }[] => {
    const folder = join(dir, 'files')
    const parts = existsSync(folder) ? readdirSync(folder).filter((part) => !part.startsWith('.')) : []
    return parts
      .sort()
      .flatMap((part) => readFileSync(join(folder, part), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as { op: string; table: string; after: string[] | null })
      .filter((line) => line.table === table)
  }
  const told = (table: string): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { op } of lines(table)) counts[op] = (counts[op] ?? 0) + 1
    return counts
  }

  const work = async (rounds: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      insert(1000 + round * 10, 1010 + round * 10)
      source.exec(`UPDATE orders SET item = 'changed ${round}' WHERE id % 7 = ${round % 7}`)
      source.exec(`DELETE FROM orders WHERE id = ${round * 3}`)
      source.exec('UPDATE people SET age = age + 1')
      await pause(100)
    }
  }

  it('ends with the target equal to the source, which changes all the while', async () => {
    insert(0, 300)
    source.exec("INSERT INTO people VALUES ('ann', 30), ('bob', 40)")
    const { incremental, full, 'apply-copy': copy, 'apply-files': files } = jobs()
    // In any order: each waits for what it needs.
    start(copy)
    start(files)
    const reading = start(full)
    start(incremental)
    await work(20)
    const { state, failure } = await reading.result
    expect([state, failure]).toEqual(['finished', undefined])
    await expectEqual('orders', 'people')
    // What was read of a row in full, and each update since: all of it, and once.
    const updates = (name: string): number | undefined => {
      const [first, ...more] = lines('people').filter(({ after }) => after?.[0] === name)
      return first === undefined ? undefined : Number(first.after?.[1]) + more.length
    }
    await expect.poll(() => [updates('ann'), updates('bob')]).toEqual([50, 60])
  })

  it('waits for the first job, is stopped meanwhile with a checkpoint, and waits again', async () => {
    insert(0, 20)
    const { incremental, full, 'apply-copy': copy } = jobs()
    for (let round = 0; round < 2; round++) {
      const waiting = [start(full), start(copy)]
      for (const { state$ } of waiting) await firstValueFrom(state$.pipe(filter((state) => state === 'running')))
      await Promise.all(waiting.map((one) => one.checkpoint()))
      for (const { state, lastCheckpoint } of await Promise.all(waiting.map((one) => one.stop())))
        expect([state, lastCheckpoint]).toEqual(['stopped', expect.any(Number)])
    }
    start(copy)
    const reading = start(full)
    start(incremental)
    expect((await reading.result).state).toBe('finished')
    await expectEqual('orders')
  })

  it('comes back from a crash of any of its jobs, at any moment', async () => {
    insert(0, 500)
    const all = jobs()
    const running = new Map(Object.keys(all).map((name) => [name, start(all[name])]))
    const working = work(30)
    const rng = seededRng(3)
    for (let crash = 0; crash < 12; crash++) {
      await pause(rng.int(400))
      const name = Object.keys(all)[rng.int(4)] as string
      await running.get(name)?.cancel()
      running.set(name, start(all[name]))
    }
    await working
    expect((await running.get('full')?.result)?.state).toBe('finished')
    await expectEqual('orders')
    // A full part that has ended says nothing more when it is started again.
    await expect(start(all.full).result).resolves.toMatchObject({ state: 'finished' })
    insert(5000, 5010)
    await expectEqual('orders')
  })

  it('takes tables that come later from their first change on, and tables that are altered', async () => {
    insert(0, 10)
    const all = jobs([])
    const reading = start(all.full)
    for (const name of ['incremental', 'apply-copy']) start(all[name])
    await reading.result
    source.exec('CREATE TABLE later (id INTEGER PRIMARY KEY, v TEXT)')
    await pause(500)
    source.exec("INSERT INTO later VALUES (1, 'a'), (2, 'b')")
    source.exec("ALTER TABLE orders ADD COLUMN extra TEXT DEFAULT 'x'")
    source.exec("UPDATE orders SET extra = 'y' WHERE id = 3; DELETE FROM later WHERE id = 1")
    insert5(100, 110)
    await expectEqual('later', 'orders')
  })

  it('tells columns again that changed before the full part was read, and of which no row behind it tells', async () => {
    insert(0, 10)
    const { incremental, full, 'apply-copy': copy } = jobs()
    start(incremental)
    insert(10, 20)
    await pause(1_000)
    source.exec('ALTER TABLE orders ADD COLUMN extra TEXT')
    source.exec("UPDATE orders SET extra = 'z' WHERE id < 5")
    await start(full).result
    start(copy)
    insert5(100, 110)
    await expectEqual('orders')
  })

  it('goes back to a point in time, and on from there', async () => {
    insert(0, 50)
    const all = jobs()
    start(all.incremental)
    await start(all.full).result
    const copying = start(all['apply-copy'])
    await work(3)
    await pause(20)
    const until = new Date()
    const then = rows('source.db', 'orders')
    await pause(20)
    source.exec('DELETE FROM orders WHERE id < 20')
    insert(7000, 7010)
    await expectEqual('orders')
    await copying.stop()

    const settings = { until: until.toISOString(), empty: 'yes' }
    const back = await start(all['apply-copy'], settings, { fresh: true }).result
    expect([back.state, back.failure]).toEqual(['finished', undefined])
    expect(rows('copy.db', 'orders')).toEqual(then)
    const again = await start(all['apply-copy'], settings).result
    expect([again.state, rows('copy.db', 'orders')]).toEqual(['finished', then])
    const on = start(all['apply-copy'])
    await expectEqual('orders')
    await on.stop()
    source.exec('DELETE FROM orders WHERE id > 7000')
    const [earlier] = await listCheckpoints(join(dir, 'data'), 'sync-apply-copy')
    const rewound = start(all['apply-copy'], {}, { fromCheckpoint: earlier?.id })
    await expectEqual('orders')
    await rewound.stop()

    const early = await start(all['apply-copy'], { until: '2020-01-01T00:00:00Z' }, { fresh: true }).result
    expect(early.failure).toMatchObject({
      code: 'SETTING_INVALID',
      message: expect.stringContaining('a time not before 2'),
    })
  })

  it('catches up and ends in batch mode, and catches up from there', async () => {
    insert(0, 30)
    const all = jobs()
    for (let round = 0; round < 3; round++) {
      for (const name of ['incremental', 'full', 'apply-copy', 'apply-files'])
        expect((await start(all[name], {}, { mode: 'batch' }).result).state).toBe('finished')
      expect(rows('copy.db', 'orders')).toEqual(rows('source.db', 'orders'))
      expect(told('orders')).toMatchObject({ r: 30, ...(round > 0 && { c: round * 5 }) })
      insert(100 + round * 5, 105 + round * 5)
    }
  })

  it('waits in batch mode for the tables to be read in full, when all begin at once', async () => {
    insert(0, 30)
    const all = jobs()
    const names = ['apply-copy', 'apply-files', 'full', 'incremental'] as const
    const results = await Promise.all(names.map((name) => start(all[name], {}, { mode: 'batch' }).result))
    expect(results.map(({ state }) => state)).toEqual(names.map(() => 'finished'))
    expect(rows('copy.db', 'orders')).toEqual(rows('source.db', 'orders'))
    expect(told('orders')).toMatchObject({ r: 30 })
  })

  it.each([
    [{ until: 'noon' }, 'SETTING_INVALID', 'expected a time'],
    [{ empty: 'perhaps' }, 'SETTING_INVALID', 'true or false'],
  ])('refuses %j', async (settings, code, message) => {
    const { failure } = await start(jobs()['apply-copy'], settings).result
    expect(failure).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  const insert5 = (from: number, to: number): void => {
    for (let id = from; id < to; id++) source.prepare("INSERT INTO orders VALUES (?, 'new', 1, 'five')").run(id)
  }
})

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
