// jobs/sqlite-sync.ts as it is shipped: any schema, killed at any moment, ends row for row equal.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Libsql from 'libsql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { disturb, SCHEMA, settleTables } from '../src/connectors/sqlite/statement-storm.ts'
import { type ProcessOptions, runJob } from '../support/run-job.ts'
import { contentsOf } from '../support/sqlite-contents.ts'

const JOB = fileURLToPath(new URL('../../jobs/sqlite-sync.ts', import.meta.url))
const ODD = `
CREATE TABLE "a""b'c${'\n'}d;--" ("__proto__", "constructor", "" TEXT, "rowid" TEXT, "漢字" TEXT);
INSERT INTO "a""b'c${'\n'}d;--" VALUES (1, 2, 'x', 'r', '字'), (NULL, 9223372036854775807, x'00', 1.0, '');
CREATE TABLE "null key" (k TEXT PRIMARY KEY, v);
INSERT INTO "null key" VALUES (NULL, 1), (NULL, 1), ('a', CAST(x'ff' AS TEXT));
CREATE TABLE "late nulls" (k TEXT PRIMARY KEY, v);
INSERT INTO "late nulls" VALUES ('a', 1), ('b', 2);
CREATE TABLE empty (d DATE PRIMARY KEY);
CREATE VIRTUAL TABLE words USING fts5 (body);
CREATE VIEW "a view" AS SELECT id FROM parent;
CREATE INDEX "an index" ON child (parent);
`

let folder: string
let from: string
let to: string
let db: Libsql.Database

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sqlite-sync-'))
  from = join(folder, 'from.db')
  to = join(folder, 'to.db')
  db = new Libsql(from, { timeout: 10_000 } as Libsql.Options)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${SCHEMA} ${ODD}`)
})

afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})

const run = (args: readonly string[], options?: ProcessOptions) =>
  runJob([JOB, '--set', `from=${from}`, '--set', `to=${to}`, '--data-dir', join(folder, 'data'), ...args], options)

/** A statement of the storm; the source may hold the lock at that moment. */
function write(rng: Rng): void {
  try {
    disturb(db, rng)
  } catch (error) {
    if (!/locked/.test(String(error))) throw error
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK')
  }
}

test('any schema comes over in full, and what happened since with the next run', async () => {
  const rng = seededRng(1)
  for (let n = 0; n < 300; n++) disturb(db, rng)
  const { code, stderr } = await run(['--batch', '--parallelism', '2'])
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('words')
  expect(contentsOf(to)).toEqual(contentsOf(from))
  for (let n = 0; n < 300; n++) disturb(db, rng)
  db.exec('ALTER TABLE plain ADD COLUMN d DEFAULT 7; UPDATE plain SET d = id WHERE id % 2')
  db.exec(`INSERT INTO "late nulls" VALUES (NULL, 3), (NULL, 3); UPDATE "late nulls" SET k = NULL WHERE k = 'b'`)
  db.exec('ALTER TABLE empty ADD COLUMN x; CREATE INDEX "late index" ON plain (d); DROP VIEW "a view"')
  db.exec('CREATE VIEW "late view" AS SELECT * FROM "a view"; CREATE VIEW "a view" AS SELECT d FROM plain')
  expect((await run(['--batch'])).code).toBe(0)
  expect(contentsOf(to)).toEqual(contentsOf(from))
  const target = new Libsql(to)
  const others = target
    .prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '% view' OR name LIKE '% index' ORDER BY 1`)
    .raw(true)
    .all()
  expect(others).toEqual([['a view'], ['an index'], ['late index'], ['late view']])
  const view = target.prepare('SELECT count(*) FROM "late view"').raw(true).get()
  expect(view).toEqual(db.prepare('SELECT count(*) FROM plain').raw(true).get())
  const plan = target.prepare(`EXPLAIN QUERY PLAN SELECT v FROM "late nulls" WHERE k = 'a'`).get()
  expect(plan).toMatchObject({ detail: expect.stringContaining('INDEX') })
  target.close()
})

test('killed again and again while others write, it ends equal', async () => {
  const rng = seededRng(2)
  for (let n = 0; n < 300; n++) disturb(db, rng)
  for (const killAt of [
    /status=complete/,
    /event=state state=running/,
    /status=complete/,
    /"committed"|status=complete/,
  ]) {
    const writing = setInterval(() => write(rng), 2)
    const parallelism = String(1 + rng.int(3))
    const { signal } = await run(['--parallelism', parallelism, '--checkpoint-interval', '100ms'], { killAt })
    clearInterval(writing)
    expect(signal).toBe('SIGKILL')
  }
  settleTables(db)
  const { code, stderr } = await run(['--batch'])
  expect(code, stderr).toBe(0)
  expect(contentsOf(to)).toEqual(contentsOf(from))
})

test('a missing source and a sync into itself are refused by name', async () => {
  const missing = await runJob([
    JOB,
    '--batch',
    '--set',
    `from=${from}x`,
    '--set',
    `to=${to}`,
    '--data-dir',
    join(folder, 'data'),
  ])
  expect(missing.code).toBe(1)
  expect(missing.stderr).toContain('from.dbx: there is no such file')
  const itself = await runJob([
    JOB,
    '--batch',
    '--set',
    `from=${from}`,
    '--set',
    `to=${from}`,
    '--data-dir',
    join(folder, 'data'),
  ])
  expect(itself.code).toBe(1)
  expect(itself.stderr).toContain('this is the file of --set from')
})
