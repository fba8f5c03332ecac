// files-to-table as it runs for days: lines and files that come while it runs, rotation, stops and kills; every line once.

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BinProcess, runJob, startBin } from '../../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../../jobs/files-to-table.ts', import.meta.url))

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'files-to-table-'))
  mkdirSync(join(root, 'in'))
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

const inFile = (name: string): string => join(root, 'in', name)

function args(...more: string[]): string[] {
  const set = { from: join(root, 'in', '*.csv*'), to: join(root, 'B.db'), table: 't', format: 'csv' }
  const settings = Object.entries(set).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  return [JOB, '--data-dir', join(root, 'data'), '--checkpoint-interval', '100ms', ...settings, ...more]
}

/** The table, in order of its ids; a line that came twice would be there twice. */
function ids(): number[] {
  if (!existsSync(join(root, 'B.db'))) return []
  const db = new Database(join(root, 'B.db'), { timeout: 10_000 } as Database.Options)
  try {
    const rows = db.prepare('SELECT id FROM t ORDER BY id').raw(true).all() as [number][]
    return rows.map(([id]) => id)
  } finally {
    db.close()
  }
}

/** Waits until so many rows are in the table. */
async function arrived(count: number): Promise<void> {
  await expect.poll(() => ids().length, { interval: 50 }).toBe(count)
}

async function started(): Promise<BinProcess> {
  const job = startBin('run-job', args())
  await job.seen('event=state state=running')
  return job
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

test('follows appended lines, new files and rotation, through SIGTERM and kill -9, each line once', async () => {
  writeFileSync(inFile('a.csv'), 'id,v\n1,x\n2,y\n')
  let job = await started()
  await arrived(2)
  appendFileSync(inFile('a.csv'), '3,z\n4,')
  writeFileSync(inFile('b.csv'), 'id,v\n5,"two\nlines"\n')
  await arrived(4)
  appendFileSync(inFile('a.csv'), 'half a line at first\n')
  await arrived(5)

  job.signal('SIGTERM')
  expect((await job.result).code).toBe(0)
  appendFileSync(inFile('a.csv'), '6,while stopped\n')
  renameSync(inFile('a.csv'), inFile('a.csv.1'))
  writeFileSync(inFile('a.csv'), 'id,v\n7,after rotation\n')

  job = await started()
  await arrived(7)
  renameSync(inFile('a.csv'), inFile('a.csv.2'))
  appendFileSync(inFile('a.csv.2'), '8,a writer that has not noticed\n')
  writeFileSync(inFile('a.csv'), 'id,v\n9,once more\n')
  await arrived(9)
  job.signal('SIGKILL')
  await job.result

  appendFileSync(inFile('b.csv'), '10,w\nnot a number,w\n')
  const { code, stderr } = await runJob(args('--batch'))
  expect(code, stderr).toBe(0)
  expect(ids()).toEqual(upTo(10))
  const bad = join(root, 'B.db.bad')
  const lines = readdirSync(bad).map((name) => readFileSync(join(bad, name), 'utf8'))
  expect(lines.join('')).toContain('not a number')
})

test('a batch that is killed again and again has each line once', async () => {
  const lines = 30_000
  for (const file of [0, 1, 2]) {
    const own = upTo(lines).filter((id) => id % 3 === file)
    writeFileSync(inFile(`${file}.csv`), `id,v\n${own.map((id) => `${id},value ${id}\n`).join('')}`)
  }
  for (const killAt of [/state=running/, /status=complete/, /status=complete/]) {
    await runJob(args('--batch', '--parallelism', '2'), { killAt })
  }
  const { code, stderr } = await runJob(args('--batch', '--parallelism', '3'))
  expect(code, stderr).toBe(0)
  expect(ids()).toEqual(upTo(lines))
})
