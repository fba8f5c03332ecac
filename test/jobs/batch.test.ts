// Batch = stream: every job of jobs/ has the same final result either way, at any parallelism, in much memory or in little.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Libsql from 'libsql'
import { afterAll, describe, expect, test, vi } from 'vitest'
import filesToTable from '../../jobs/files-to-table.ts'
import quickstart from '../../jobs/quickstart.ts'
import sqliteSync from '../../jobs/sqlite-sync.ts'
import { type RunOptions, run } from '../../runtime/index.ts'
import type { Job } from '../../src/index.ts'

const JOBS = fileURLToPath(new URL('../../jobs/', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'both-ways-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

/** Jobs that cannot give the same, and why. */
const CANNOT: Readonly<Record<string, string>> = {
  'nexmark/q12.ts': 'processing time: its windows are those of the clock',
  'tour/03-timers.ts':
    'processing time: who is quiet for how long depends on when records come, and in batch mode all have come',
  'tour/10-event-time.ts':
    'late records: where all have come before the first is seen, none is late, and each counts where it belongs',
}

type Settings = Readonly<Record<string, string>>

interface Way {
  readonly name: string
  readonly options: RunOptions
}

const STREAM: Way = { name: 'stream', options: { mode: 'stream', parallelism: 2 } }
const WAYS: readonly Way[] = [
  { name: 'batch', options: { mode: 'batch', parallelism: 1 } },
  { name: 'batch of 2', options: { mode: 'batch', parallelism: 2 } },
  { name: 'batch of 3 in little memory', options: { mode: 'batch', parallelism: 3, stateCacheBytes: 16 << 10 } },
]

interface Ran {
  /** What was printed. */
  readonly lines: readonly string[]
  readonly dataDir: string
}

async function ran(job: Job, { name, options }: Way, settings: Settings = {}): Promise<Ran> {
  const dataDir = mkdtempSync(join(root, 'data-'))
  const written: string[] = []
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text, second?: unknown, third?: unknown) => {
    written.push(String(text))
    for (const callback of [second, third]) if (typeof callback === 'function') callback()
    return true
  })
  try {
    const { state, failure } = await run(job, { ...options, dataDir, settings }).result
    expect(failure, `${job.name}, ${name}`).toBeUndefined()
    expect(state).toBe('finished')
  } finally {
    spy.mockRestore()
  }
  const lines = written
    .join('')
    .split('\n')
    .filter((line) => line !== '')
  return { lines, dataDir }
}

async function jobIn(file: string): Promise<Job> {
  return ((await import(join(JOBS, file))) as { default: Job }).default
}

const filesIn = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(JOBS, folder)).filter((file) => pattern.test(file) && CANNOT[`${folder}/${file}`] === undefined)

describe('nexmark', () => {
  const settings = { events: '6000' }
  const resultOf = (job: Job, { dataDir }: Ran): string => readFileSync(join(dataDir, `${job.name}.jsonl`), 'utf8')

  test.each(filesIn('nexmark', /^q\d+\.ts$/))('%s', async (file) => {
    const job = await jobIn(`nexmark/${file}`)
    const streamed = resultOf(job, await ran(job, STREAM, settings))
    expect(streamed.length).toBeGreaterThan(0)
    for (const way of WAYS) expect(resultOf(job, await ran(job, way, settings)), way.name).toBe(streamed)
  })
})

/**
 * What stays of the lines of a chapter. Where a row replaces the one before, the lines do not say so: here it is said which are kept.
 * Default: all of them, in any order.
 */
const KEPT: Readonly<Record<string, (lines: readonly string[]) => readonly string[]>> = {
  '02-keyed-state.ts': (lines) => lastOf(lines, /^turnover \{ shop: '(\w+)'/),
  // Changes on the way: in batch mode there are none.
  '14-changelogs.ts': (lines) => lines.filter((line) => line.startsWith('in the end')),
  '15-batch.ts': (lines) => lastOf(lines, /^(\w+) turned over/),
  // Whose mean it is the line does not say, so that the last of each sensor cannot be told.
  '04-side-outputs.ts': (lines) => lines.filter((line) => !line.startsWith('mean so far')),
}
/** Chapters whose lines depend on the order of several subtasks. */
const ONE_SUBTASK = new Set(['02-keyed-state.ts', '05-rx.ts'])
/** A second of work each time. */
const ONE_WAY = new Set(['07-parallelism.ts'])

/** Of the lines with the same first group the last one; all others as they are. */
function lastOf(lines: readonly string[], pattern: RegExp): string[] {
  const keyed = new Map(lines.map((line, i) => [pattern.exec(line)?.[1] ?? i, line]))
  return [...keyed.values()]
}

describe('tour', () => {
  test.each(filesIn('tour', /\.ts$/))('%s', async (file) => {
    const job = await jobIn(`tour/${file}`)
    const kept = ({ lines }: Ran): string[] => [...(KEPT[file]?.(lines) ?? lines)].map(withoutFolder).sort()
    const single = ONE_SUBTASK.has(file)
    const one = (way: Way): Way => (single ? { ...way, options: { ...way.options, parallelism: 1 } } : way)
    const streamed = kept(await ran(job, one(STREAM)))
    expect(streamed.length).toBeGreaterThan(0)
    const ways = single ? WAYS.slice(0, 1) : ONE_WAY.has(file) ? WAYS.slice(-1) : WAYS
    for (const way of ways) expect(kept(await ran(job, one(way))), way.name).toEqual(streamed)
  })
})

function withoutFolder(line: string): string {
  return line.replaceAll(/\S*both-ways-[^/]*\/data-[^/]*/g, '')
}

test('quickstart', async () => {
  const settings = { orders: '3000', changes: '500', customers: '50', rate: '5000' }
  const shown = async (way: Way): Promise<string> => (await ran(quickstart, way, settings)).lines.at(-1) ?? ''
  const streamed = await shown(STREAM)
  expect(streamed).toMatch(/^report sha256 /)
  for (const way of WAYS) expect(await shown(way), way.name).toBe(streamed)
})

/** Runs a job that follows its source until `arrived` says that all is there, then stops it. */
async function followed(job: Job, settings: Settings, arrived: () => boolean): Promise<void> {
  const dataDir = mkdtempSync(join(root, 'data-'))
  const following = run(job, { ...STREAM.options, dataDir, settings, checkpoint: { intervalMs: 50 } })
  await expect.poll(arrived, { interval: 20 }).toBe(true)
  expect((await following.stop()).state).toBe('stopped')
}

function rowsOf(file: string, query: string): unknown[] {
  try {
    const database = new Libsql(file, { timeout: 10_000 } as Libsql.Options)
    try {
      return database.prepare(query).raw(true).all()
    } finally {
      database.close()
    }
  } catch {
    return []
  }
}

test('files-to-table', async () => {
  const from = join(root, 'csv')
  mkdirSync(from)
  const row = (id: number): string => `${id % 700},value ${id}\n`
  const ids = Array.from({ length: 1000 }, (_, id) => id)
  writeFileSync(join(from, 'a.csv'), `id,v\n${ids.map(row).join('')}`)
  const query = 'SELECT id, v FROM t ORDER BY id'
  const target = (name: string): Settings => ({
    from: join(from, '*.csv'),
    to: join(root, `${name}.db`),
    table: 't',
    key: 'id',
  })
  const expected = [...new Map(ids.map((id) => [id % 700, `value ${id}`]))]
  await followed(filesToTable, target('streamed'), () => rowsOf(join(root, 'streamed.db'), query).length === 700)
  for (const [i, way] of [STREAM, ...WAYS].entries()) {
    const name = i === 0 ? 'streamed' : `table-${i}`
    if (i > 0) await ran(filesToTable, way, target(name))
    expect(rowsOf(join(root, `${name}.db`), query), way.name).toEqual(expected)
  }
})

test('sqlite-sync', async () => {
  const from = join(root, 'from.db')
  const database = new Libsql(from)
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
  const insert = database.prepare('INSERT INTO t VALUES (?, ?)')
  database.exec('BEGIN')
  for (let id = 0; id < 2000; id += 1) insert.run(id, `value ${id}`)
  database.exec('COMMIT')
  database.close()
  const query = 'SELECT id, v FROM t ORDER BY id'
  const expected = rowsOf(from, query)
  const settings = (name: string): Settings => ({ from, to: join(root, `${name}.db`) })
  await followed(sqliteSync, settings('synced'), () => rowsOf(join(root, 'synced.db'), query).length === 2000)
  expect(rowsOf(join(root, 'synced.db'), query)).toEqual(expected)
  for (const [i, way] of WAYS.entries()) {
    await ran(sqliteSync, way, settings(`sync-${i}`))
    expect(rowsOf(join(root, `sync-${i}.db`), query), way.name).toEqual(expected)
  }
})

test('what cannot be run both ways is there, with its reason', () => {
  for (const [file, reason] of Object.entries(CANNOT)) {
    expect(readFileSync(join(JOBS, file), 'utf8').length).toBeGreaterThan(0)
    expect(reason).toMatch(/^\w+/)
  }
})
