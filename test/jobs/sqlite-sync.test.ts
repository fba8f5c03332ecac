// sqlite-sync on a database of odd tables, with another program writing all the while, killed on the way: row for row equal.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { seededRng } from 'millrace'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ProcessOptions, type ProcessResult, runJob, startBin } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/sqlite-sync.ts', import.meta.url))

const SCHEMA = `PRAGMA journal_mode = WAL;
  CREATE TABLE plain (id INTEGER PRIMARY KEY, t TEXT, n);
  CREATE TABLE "no key" (a, b TEXT);
  CREATE TABLE pair (a TEXT COLLATE NOCASE, b INTEGER, v, PRIMARY KEY (a, b));
  CREATE TABLE compact (a TEXT, b REAL, v, PRIMARY KEY (b DESC, a)) WITHOUT ROWID;
  CREATE TABLE exact (id INTEGER PRIMARY KEY, x ANY) STRICT;
  CREATE TABLE "__proto__" (id INTEGER PRIMARY KEY, "__proto__" TEXT, "constructor");
  CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "from ""q""" TEXT, "😀");
  CREATE TABLE computed (id INTEGER PRIMARY KEY, a, s AS ('s' || a) STORED, d AS (a * 2));
  CREATE TABLE once (id INTEGER PRIMARY KEY, u UNIQUE);
  CREATE TABLE audit (was, id);
  CREATE INDEX plain_t ON plain (t DESC) WHERE t IS NOT NULL;
  CREATE VIEW "a view" AS SELECT id FROM plain;
  CREATE TRIGGER audited AFTER UPDATE ON plain BEGIN INSERT INTO audit VALUES (old.t, new.id); END;
  CREATE VIRTUAL TABLE words USING fts5(body);
  INSERT INTO pair VALUES (NULL, NULL, 'keys with NULL'), (NULL, NULL, 'twice');`

/** Columns to write, the first ones the key. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  plain: ['id', 't', 'n'],
  'no key': ['a', 'b'],
  pair: ['a', 'b', 'v'],
  compact: ['b', 'a', 'v'],
  exact: ['id', 'x'],
  ['__proto__']: ['id', '__proto__', 'constructor'],
  order: ['select', 'from "q"', '😀'],
  computed: ['id', 'a'],
  once: ['id', 'u'],
}

const ODD = [
  null,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 53n + 1n,
  0.1,
  -0.0,
  1e308,
  Number.POSITIVE_INFINITY,
  '',
  '1',
  '1.0',
  'é😀',
  'nul\0inside',
  "it's",
  Buffer.from([0, 255, 1]),
  Buffer.alloc(0),
]

let root: string
let from: string
let to: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sqlite-sync-'))
  from = join(root, 'A "odd" é.db')
  to = join(root, 'B.db')
})
afterEach(() => {
  rmSync(root, { recursive: true })
})

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const jobArgs = (...more: string[]): string[] => [
  JOB,
  ...['--data-dir', join(root, 'data'), '--set', `from=${from}`, '--set', `to=${to}`],
  ...['--checkpoint-interval', '100ms', ...more],
]

function sync(args: readonly string[] = [], options?: ProcessOptions): Promise<ProcessResult> {
  return runJob(jobArgs(...args), options)
}

function open(file: string): Database.Database {
  return new Database(file, { timeout: 30_000 } as Database.Options)
}

/** Another program at work: statements drawn from a seed, also in transactions, of which some are rolled back. */
function write(seed: number, statements: number): void {
  const db = open(from)
  const rng = seededRng(seed)
  try {
    for (let done = 0; done < statements; ) {
      const size = 1 + rng.int(20)
      db.exec('BEGIN IMMEDIATE')
      for (let i = 0; i < size; i += 1) writeOne(db, rng)
      db.exec(rng.int(6) === 0 ? 'ROLLBACK' : 'COMMIT')
      done += size
    }
  } finally {
    db.close()
  }
}

function writeOne(db: Database.Database, rng: ReturnType<typeof seededRng>): void {
  const names = Object.keys(TABLES)
  const table = names[rng.int(names.length)] as string
  const columns = TABLES[table] as readonly string[]
  const key = 1 + rng.int(60)
  const values = columns.map((_, i) => (i === 0 ? key : i === 1 && table === 'compact' ? `k${rng.int(3)}` : odd(rng)))
  const first = quoted(columns[0] as string)
  const last = quoted(columns.at(-1) as string)
  const what = rng.int(10)
  if (what < 5) {
    const row = `(${columns.map(quoted).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`
    db.prepare(`INSERT OR REPLACE INTO ${quoted(table)} ${row}`).run(...values)
  } else if (what < 7) {
    db.prepare(`UPDATE OR REPLACE ${quoted(table)} SET ${last} = ? WHERE ${first} = ?`).run(odd(rng), key)
  } else if (what < 8) {
    db.prepare(`UPDATE OR REPLACE ${quoted(table)} SET ${first} = ? WHERE ${first} = ?`).run(1 + rng.int(60), key)
  } else {
    db.prepare(`DELETE FROM ${quoted(table)} WHERE ${first} = ?`).run(key)
  }
}

function odd(rng: ReturnType<typeof seededRng>): unknown {
  return rng.int(2) === 0 ? rng.int(1000) : ODD[rng.int(ODD.length)]
}

/** Every row of every table, storage classes included, sorted. */
function content(file: string): Record<string, string[]> {
  const db = open(file)
  try {
    const tables = [...Object.entries(TABLES), ['audit', ['was', 'id']] as const]
    return Object.fromEntries(
      tables.map(([table, columns]) => {
        const all = table === 'computed' ? [...columns, 's', 'd'] : columns
        const list = all.map((name) => `typeof(${quoted(name)}) || hex(${quoted(name)}) || quote(${quoted(name)})`)
        const found = db
          .prepare(`SELECT ${list.join(" || '|' || ")} FROM ${quoted(table)}`)
          .raw(true)
          .all() as string[][]
        return [`table ${table}`, found.map(([row]) => String(row)).sort()]
      }),
    )
  } finally {
    db.close()
  }
}

function makeSource(): void {
  const db = open(from)
  db.exec(SCHEMA)
  db.close()
  write(1, 500)
}

test('copies any schema, and ends with --batch when it has caught up, again and again', async () => {
  makeSource()
  for (const seed of [2, 3]) {
    const { code, stderr } = await sync(['--batch', '--parallelism', '2'])
    expect(code, stderr).toBe(0)
    expect(content(to)).toEqual(content(from))
    if (seed === 2) expect(stderr).toContain('table=words')
    write(seed, 300)
  }
  const { code } = await sync(['--batch', '--parallelism', '1'])
  expect(code).toBe(0)
  expect(content(to)).toEqual(content(from))
  const db = open(to)
  const made = db.prepare(`SELECT name FROM sqlite_schema WHERE name IN ('a view', 'plain_t') ORDER BY name`).raw(true)
  expect(made.all()).toEqual([['a view'], ['plain_t']])
  db.close()
})

test('follows while it is killed and started with other parallelism, with a writer at work', async () => {
  makeSource()
  const writing = ['2', '1', '3']
  for (const [i, parallelism] of writing.entries()) {
    const job = startBin('run-job', jobArgs('--parallelism', parallelism))
    await job.seen('event=state state=running')
    for (let burst = 0; burst < 5; burst += 1) {
      write(10 + i * 5 + burst, 100)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await job.seen(/status=complete/)
    job.signal(i === 1 ? 'SIGTERM' : 'SIGKILL')
    const { code, stderr } = await job.result
    expect(code, stderr).toBe(i === 1 ? 0 : null)
  }
  const { code, stderr } = await sync(['--batch', '--parallelism', '2'])
  expect(code, stderr).toBe(0)
  expect(content(to)).toEqual(content(from))
})

test('takes only the tables it is told, and refuses a source that is not there and one that is its own target', async () => {
  makeSource()
  const some = await sync(['--batch', '--set', 'tables=p*,!pair'])
  expect(some.code, some.stderr).toBe(0)
  const db = open(to)
  const made = db.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_millrace%' ESCAPE '\\'`,
  )
  expect(made.raw(true).all()).toEqual([['plain']])
  db.close()
  const missing = await runJob([JOB, '--data-dir', join(root, 'x'), '--set', 'from=nowhere.db', '--set', `to=${to}`])
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('there is no such file')])
  const itself = await runJob([JOB, '--data-dir', join(root, 'y'), '--set', `from=${from}`, '--set', `to=${from}`])
  expect([itself.code, itself.stderr]).toEqual([1, expect.stringContaining('this is the file of --set from')])
})
