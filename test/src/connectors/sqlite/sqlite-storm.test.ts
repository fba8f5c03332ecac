// Random statements of every kind, by another connection, against the source in a simulated machine.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChangeSplit } from '../../../../src/connectors/cdc/index.ts'
import { sqliteChanges } from '../../../../src/connectors/sqlite/sqlite-changes.ts'
import type { SqliteValue } from '../../../../src/connectors/sqlite/value.ts'
import type { Change } from '../../../../src/record/change.ts'
import { type Rng, seededRng } from '../../../../src/util/rng.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'

const ONLY = process.env.MILLRACE_CDC_SEED
const SEEDS = Number(process.env.MILLRACE_SQLITE_SEEDS ?? 40)

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

type Row = SqliteValue[]
type Db = Libsql.Database

/** Tables of every kind, with the statements a storm may run against them. */
const SCHEMA = `
CREATE TABLE "plain" (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB);
CREATE TABLE "text key" (k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, v);
CREATE TABLE "select" ("from" TEXT NOT NULL, "it's" INTEGER NOT NULL, u INTEGER UNIQUE, v, PRIMARY KEY ("it's", "from" COLLATE RTRIM)) WITHOUT ROWID;
CREATE TABLE keyless (a, b, c GENERATED ALWAYS AS (a || b) VIRTUAL);
CREATE TABLE uniques (id INTEGER PRIMARY KEY AUTOINCREMENT, x INTEGER, y TEXT, z INTEGER, UNIQUE (x), UNIQUE (y, z));
CREATE UNIQUE INDEX "partial ""index""" ON uniques (z) WHERE z > 7;
CREATE TABLE parent (id INTEGER PRIMARY KEY, v);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE, v);
CREATE TABLE strict1 (id INT NOT NULL PRIMARY KEY, i INTEGER, a ANY) STRICT;
CREATE TABLE audited (id INTEGER PRIMARY KEY, v INTEGER, n INTEGER DEFAULT 0);
CREATE TRIGGER audit AFTER INSERT ON audited BEGIN UPDATE audited SET n = n + 1 WHERE id = NEW.id; END;
`

const OR = ['', '', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE', 'OR FAIL', 'OR ROLLBACK']

function statement(rng: Rng): string {
  const n = (below = 12): string => String(rng.int(below))
  const pick = (list: readonly string[]): string => list[rng.int(list.length)] as string
  const value = (): string =>
    pick([
      'NULL',
      n(),
      `'${n()}'`,
      `x'0${n(9)}ff'`,
      '1.5',
      '2.0',
      '9223372036854775807',
      '-9007199254740993',
      `'é${n()}'`,
      "''",
      `char(${n()}, 0, 65)`,
      "CAST(x'ff41' AS TEXT)",
    ])
  const text = (): string =>
    pick([`'a${n(4)}'`, `'A${n(4)}'`, `'b ${n(4)} '`, `'é${n(4)}'`, `CAST(x'ff4${n(4)}' AS TEXT)`])
  const or = pick(OR)
  return pick([
    `INSERT ${or} INTO plain VALUES (${n(30)}, ${value()}, ${pick(['1.5', '2', 'NULL'])}, ${value()})`,
    `INSERT INTO plain (a, c) VALUES (${value()}, ${value()}), (${value()}, ${value()})`,
    `UPDATE ${or} plain SET a = ${value()}, id = id + ${n(3)} WHERE id % 5 = ${n(5)}`,
    `UPDATE plain SET c = ${value()} WHERE id < ${n(20)}`,
    `DELETE FROM plain WHERE id = ${n(30)}`,
    `INSERT ${or} INTO "text key" VALUES (${text()}, ${value()})`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT DO UPDATE SET v = excluded.v`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT (k) DO UPDATE SET k = ${text()}, v = 7`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT DO NOTHING`,
    `UPDATE ${or} "text key" SET k = ${text()} WHERE k = ${text()}`,
    `UPDATE "text key" SET k = upper(k)`,
    `DELETE FROM "text key" WHERE k = ${text()}`,
    `INSERT ${or} INTO "select" VALUES (${text()}, ${n(4)}, ${pick([n(6), 'NULL'])}, ${value()})`,
    `UPDATE ${or} "select" SET u = ${n(6)} WHERE "it's" = ${n(4)}`,
    `UPDATE ${or} "select" SET "it's" = ${n(4)} WHERE "it's" = ${n(4)}`,
    `DELETE FROM "select" WHERE u = ${n(6)}`,
    `INSERT INTO keyless VALUES (${value()}, ${value()})`,
    `UPDATE keyless SET a = ${value()} WHERE rowid % 4 = ${n(4)}`,
    `INSERT OR REPLACE INTO keyless (rowid, a, b) VALUES (${n(20)}, ${value()}, ${value()})`,
    `DELETE FROM keyless WHERE rowid = ${n(20)}`,
    `INSERT ${or} INTO uniques (x, y, z) VALUES (${pick([n(8), 'NULL'])}, ${text()}, ${n(10)})`,
    `INSERT ${or} INTO uniques VALUES (${n(20)}, ${n(8)}, ${text()}, ${n(10)})`,
    `UPDATE ${or} uniques SET x = ${n(8)}, z = z + ${n(2)} WHERE id % 3 = ${n(3)}`,
    `UPDATE ${or} uniques SET id = ${n(20)} WHERE x = ${n(8)}`,
    `INSERT INTO uniques (x, y, z) VALUES (${n(8)}, ${text()}, ${n(10)}) ON CONFLICT (x) DO UPDATE SET y = excluded.y ON CONFLICT DO NOTHING`,
    `INSERT ${or} INTO parent VALUES (${n(8)}, ${value()})`,
    `UPDATE ${or} parent SET id = ${n(8)} WHERE id = ${n(8)}`,
    `DELETE FROM parent WHERE id = ${n(8)}`,
    `INSERT INTO child (parent, v) SELECT id, ${value()} FROM parent`,
    `DELETE FROM child WHERE id % 3 = ${n(3)}`,
    `INSERT ${or} INTO strict1 VALUES (${n(10)}, ${n()}, ${value()})`,
    `UPDATE ${or} strict1 SET id = ${n(10)} WHERE id = ${n(10)}`,
    `INSERT ${or} INTO audited (id, v) VALUES (${n(10)}, ${n()})`,
    `DELETE FROM ${pick(['strict1', 'audited', 'keyless', 'child'])}`,
  ])
}

/** Runs a statement, alone or in a transaction that may be taken back; errors are part of the storm. */
function disturb(db: Db, rng: Rng): void {
  const style = rng.int(8)
  const attempt = (sql: string): void => {
    try {
      db.exec(sql)
    } catch (error) {
      if (!/constraint|UNIQUE|FOREIGN|datatype|cannot store|no transaction|no such savepoint/i.test(String(error)))
        throw error
    }
  }
  if (style > 2) return attempt(statement(rng))
  attempt('BEGIN')
  for (let n = rng.int(5); n >= 0; n--) {
    if (style === 1) attempt('SAVEPOINT s')
    attempt(statement(rng))
    if (style === 1) attempt(rng.int(2) === 0 ? 'ROLLBACK TO s' : 'RELEASE s')
  }
  attempt(style === 2 ? 'ROLLBACK' : 'COMMIT')
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => {
    if (typeof part === 'bigint') return `i${part}`
    if (part?.type === 'Buffer') return `b${part.data}`
    if (part instanceof Uint8Array) return `b${[...part]}`
    return typeof part === 'number' ? `r${part}` : part
  })

/** Rows by table and key; every change has to fit. */
class StrictTables implements StrictSink<Change<Row>> {
  tables = new Map<string, Map<string, string>>()
  changes = 0

  apply(change: Change<Row>): void {
    this.changes += 1
    const { before, after, source } = change
    const rows = this.tables.get(source.table) ?? new Map<string, string>()
    this.tables.set(source.table, rows)
    const oldKey = text(change.oldKey ?? change.key)
    if (change.op === 't') rows.clear()
    if (before !== null) expect(rows.get(oldKey), `before of ${text(change)}`).toBe(text(before))
    if (before !== null) rows.delete(oldKey)
    if (after !== null) expect(rows.get(text(change.key)), `nothing where ${text(change)} goes`).toBeUndefined()
    if (after !== null) rows.set(text(change.key), text(after))
  }

  snapshot(): unknown {
    return this.tables
  }

  restore(state: unknown): void {
    this.tables = state as Map<string, Map<string, string>>
  }

  contents(): Record<string, string[]> {
    return Object.fromEntries(
      [...this.tables].filter(([, rows]) => rows.size > 0).map(([name, rows]) => [name, [...rows.values()].sort()]),
    )
  }
}

/** What the tables hold, read by a source that has nothing to follow. */
async function truth(file: string): Promise<Record<string, string[]>> {
  const sink = new StrictTables()
  const makeSource = () =>
    sqliteChanges<Row>({ file, startup: 'snapshot', rows: 'array', integers: 'bigint', invalidText: 'keep' })
  const simulation = new SourceSimulation<Change<Row>, ChangeSplit>({
    rng: seededRng(1),
    makeSource,
    sink,
    pollRecords: 1000,
  })
  await simulation.start(1)
  while (!simulation.ended) await simulation.step()
  await simulation.close()
  return sink.contents()
}

async function storm(seed: number): Promise<void> {
  const rng = seededRng(seed)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sqlite-'))
  folders.push(folder)
  const file = join(folder, 'storm.db')
  const db: Db = new Libsql(file)
  if (rng.int(8) === 0) db.exec(`PRAGMA encoding = 'UTF-16le'`)
  db.exec(rng.int(2) === 0 ? 'PRAGMA journal_mode = WAL' : 'PRAGMA journal_mode = DELETE')
  db.exec(`PRAGMA synchronous = OFF; PRAGMA foreign_keys = ${rng.int(2)}; PRAGMA recursive_triggers = ${rng.int(2)}`)
  db.exec(SCHEMA)
  for (let n = 0; n < 60; n++) disturb(db, rng)
  const sink = new StrictTables()
  const options = {
    file,
    rows: 'array',
    integers: 'bigint',
    invalidText: 'keep',
    discoveryIntervalMs: 500,
    pollMs: 1,
  } as const
  const makeSource = () => sqliteChanges<Row>({ ...options, chunkSize: 1 + rng.int(10) })
  const simulation = new SourceSimulation<Change<Row>, ChangeSplit>({
    rng,
    makeSource,
    sink,
    pollRecords: 1 + rng.int(8),
  })
  await simulation.start(1 + rng.int(3))
  for (let n = 0; n < 300; n++) {
    await simulation.step()
    if (rng.int(3) === 0) disturb(db, rng)
    if (rng.int(100) === 0) await simulation.crash(1 + rng.int(3), new Map())
  }
  const expected = await truth(file)
  const got = (): string => JSON.stringify(Object.entries(sink.contents()).sort())
  const wanted = JSON.stringify(Object.entries(expected).sort())
  for (let n = 0; n < 20_000 && (n % 100 !== 0 || got() !== wanted); n++) await simulation.step()
  expect(Object.entries(sink.contents()).sort()).toEqual(Object.entries(expected).sort())
  await simulation.close()
  db.close()
}

describe('sqliteChanges under random statements, crashes and parallelism', () => {
  it('gives every change exactly once and becomes equal', async () => {
    const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(ONLY)]
    for (const seed of seeds) {
      try {
        await storm(seed)
      } catch (error) {
        throw new Error(`seed ${seed} failed: MILLRACE_CDC_SEED=${seed} npx vitest run sqlite-storm`, { cause: error })
      }
    }
  })
})
