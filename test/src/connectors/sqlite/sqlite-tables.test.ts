// A database that follows another one through source and sink, whatever crashes on the way.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach, describe, expect, it } from 'vitest'
import type { ChangeSplit } from '../../../../src/connectors/cdc/index.ts'
import { type SqliteValue, sqliteChanges, sqliteTables } from '../../../../src/connectors/sqlite/index.ts'
import type { RuntimeContext } from '../../../../src/contract/runtime-context.ts'
import type { RichSinkFunction, UpsertSinkFunction } from '../../../../src/contract/sink-function.ts'
import type { Change } from '../../../../src/record/change.ts'
import { type Rng, seededRng } from '../../../../src/util/rng.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'
import { disturb, SCHEMA, settleTables } from './statement-storm.ts'

const ONLY = process.env.MILLRACE_CDC_SEED
const SEEDS = Number(process.env.MILLRACE_SQLITE_SEEDS ?? 15)
type Row = SqliteValue[]

const cleanups: (() => void)[] = []
const cleanUp = (): void => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
}
afterEach(cleanUp)

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const context = { job: 'test', node: 'sink', logger: silent } as unknown as RuntimeContext

/** The sink as the machine drives it: written in pieces, flushed at checkpoints, not taken back by a crash. */
class Target implements StrictSink<Change<Row>> {
  readonly #file: string
  #sink!: UpsertSinkFunction<Change<Row>>

  constructor(file: string) {
    this.#file = file
    this.#open()
  }

  apply(change: Change<Row>): void {
    void this.#sink.write([change])
  }

  snapshot(): unknown {
    void this.#sink.flush()
    return undefined
  }

  restore(): void {
    this.close()
    this.#open()
  }

  close(): void {
    void this.#sink.close()
  }

  #open(): void {
    const sink: RichSinkFunction<Change<Row>> = sqliteTables({ file: this.#file })
    this.#sink = sink as UpsertSinkFunction<Change<Row>>
    void this.#sink.open(context)
  }
}

/** Every row of every table, as SQL literals with their storage class. */
function dump(file: string, tables: readonly string[]): Record<string, string[]> {
  const db = new Libsql(file)
  const out: Record<string, string[]> = {}
  for (const table of tables) {
    const name = `"${table.replaceAll('"', '""')}"`
    const columns = db
      .prepare(`SELECT name FROM pragma_table_xinfo('${table.replaceAll("'", "''")}') WHERE hidden <> 1`)
      .raw(true)
      .all() as string[][]
    const parts = columns.map(([column]) => {
      const quoted = `"${String(column).replaceAll('"', '""')}"`
      return `typeof(${quoted}) || ' ' || CASE WHEN typeof(${quoted}) = 'text' THEN hex(CAST(${quoted} AS BLOB)) ELSE quote(${quoted}) END`
    })
    const rows = db
      .prepare(`SELECT ${parts.join(` || ', ' || `)} FROM ${name} ORDER BY 1`)
      .raw(true)
      .all() as string[][]
    out[table] = rows.map(([row]) => String(row))
  }
  db.close()
  return out
}

function tablesOf(file: string): string[] {
  const db = new Libsql(file)
  const rows = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_millrace_%' ORDER BY name",
    )
    .raw(true)
    .all()
  db.close()
  return (rows as string[][]).map(([name]) => String(name))
}

interface Pair {
  readonly from: string
  readonly to: string
  readonly db: Libsql.Database
}

function makePair(): Pair {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sync-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const from = join(folder, 'from.db')
  const db = new Libsql(from)
  cleanups.push(() => db.close())
  return { from, to: join(folder, 'to.db'), db }
}

function follow(pair: Pair, seed: number, chunkSize: number, pollRecords: number) {
  const options = {
    file: pair.from,
    rows: 'array',
    integers: 'bigint',
    invalidText: 'keep',
    schemaChanges: true,
    nullableKeys: 'rowid',
  } as const
  const makeSource = () => sqliteChanges<Row>({ ...options, chunkSize, discoveryIntervalMs: 500, pollMs: 1 })
  const sink = new Target(pair.to)
  cleanups.push(() => sink.close())
  return new SourceSimulation<Change<Row>, ChangeSplit>({ rng: seededRng(seed), makeSource, sink, pollRecords })
}

async function settle(pair: Pair, simulation: SourceSimulation<Change<Row>, ChangeSplit>): Promise<void> {
  const tables = tablesOf(pair.from)
  const wanted = JSON.stringify(dump(pair.from, tables))
  const equal = (): boolean =>
    JSON.stringify(tablesOf(pair.to)) === JSON.stringify(tables) && JSON.stringify(dump(pair.to, tables)) === wanted
  for (let n = 0; n < 20_000 && (n % 200 !== 0 || !equal()); n++) await simulation.step()
  expect(tablesOf(pair.to)).toEqual(tables)
  expect(dump(pair.to, tables)).toEqual(dump(pair.from, tables))
}

const NULLABLE = 'CREATE TABLE nullable (a TEXT COLLATE NOCASE, b, v, PRIMARY KEY (a, b))'

/** A key that NULL comes into, row by row. */
function disturbNullable(db: Libsql.Database, rng: Rng): void {
  const part = (): string => ['NULL', "'a'", "'A'", '1', '2'][rng.int(5)] as string
  db.exec(
    [
      `INSERT OR REPLACE INTO nullable VALUES (${part()}, ${part()}, ${rng.int(9)})`,
      `UPDATE OR IGNORE nullable SET a = ${part()}, v = v + 1 WHERE b IS ${part()}`,
      `DELETE FROM nullable WHERE a IS ${part()} AND b IS ${part()}`,
    ][rng.int(3)] as string,
  )
}

async function storm(seed: number): Promise<void> {
  const rng = seededRng(seed)
  const pair = makePair()
  pair.db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA recursive_triggers = ${rng.int(2)}`)
  pair.db.exec(`${SCHEMA}; ${NULLABLE}; INSERT INTO nullable VALUES ('a', 1, 1), ('b', 1, 1), ('c', 2, 1)`)
  for (let n = 0; n < 60; n++) disturb(pair.db, rng)
  const simulation = follow(pair, seed, 1 + rng.int(10), 1 + rng.int(8))
  await simulation.start(1 + rng.int(3))
  for (let n = 0; n < 300; n++) {
    await simulation.step()
    if (rng.int(3) === 0) disturb(pair.db, rng)
    if (rng.int(10) === 0) disturbNullable(pair.db, rng)
    if (rng.int(100) === 0) await simulation.crash(1 + rng.int(3), undefined)
  }
  settleTables(pair.db)
  await settle(pair, simulation)
  await simulation.close()
}

describe('sqliteTables behind sqliteChanges', () => {
  it('ends with every table row for row equal, storage class by storage class', async () => {
    const seeds = ONLY === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(ONLY)]
    for (const seed of seeds) {
      try {
        await storm(seed)
        cleanUp()
      } catch (error) {
        throw new Error(`seed ${seed} failed: MILLRACE_CDC_SEED=${seed} npx vitest run sqlite-tables`, { cause: error })
      }
    }
  })

  it('knows a column by all its names, whichever comes first, and one that took over a name', () => {
    const { to } = makePair()
    const target = new Target(to)
    cleanups.push(() => target.close())
    const origin = { connector: 'sqlite', database: 'x', table: 't', position: '1', timestampMs: 0, snapshot: false }
    const told = (name: string, formerNames?: readonly string[]): void => {
      const common = { type: '', nullable: true, generated: false }
      const columns = [
        { name: 'id', ...common, type: 'INTEGER' },
        { name, ...common, ...(formerNames && { formerNames }) },
      ]
      const definition = `CREATE TABLE t (id INTEGER PRIMARY KEY, ${name})`
      const schema = { columns, key: ['id'], definition }
      target.apply({ op: 's', before: null, after: null, key: [], schema, source: origin })
    }
    const row = (id: bigint, value: string): void =>
      target.apply({ op: 'c', before: null, after: [id, value], key: [id], source: origin })
    told('c', ['a', 'b'])
    row(1n, 'one')
    told('a')
    row(2n, 'two')
    told('b', ['a'])
    row(3n, 'three')
    told('d', ['a', 'b', 'c'])
    row(4n, 'four')
    told('a')
    row(5n, 'five')
    target.snapshot()
    const db = new Libsql(to)
    const rows = db.prepare('SELECT * FROM t').raw(true).all()
    const names = db.prepare(`SELECT name FROM pragma_table_info('t')`).raw(true).all()
    db.close()
    expect(names).toEqual([['id'], ['d']])
    expect(rows).toEqual(['one', 'two', 'three', 'four', 'five'].map((value, index) => [index + 1, value]))
  })

  it('follows columns that swap their names between two looks', async () => {
    const pair = makePair()
    pair.db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 2, 3), (2, 4, NULL)')
    const simulation = follow(pair, 1, 3, 2)
    await simulation.start(2)
    await settle(pair, simulation)
    pair.db.exec('ALTER TABLE t RENAME a TO x; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME x TO b')
    await settle(pair, simulation)
    pair.db.exec('ALTER TABLE t RENAME a TO c; ALTER TABLE t ADD COLUMN a; UPDATE t SET a = 7 WHERE id = 2')
    await settle(pair, simulation)
    await simulation.close()
  })

  it('follows columns that are added, renamed and dropped, and tables made anew', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const pair = makePair()
      pair.db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)')
      const insert = (): unknown => pair.db.exec('INSERT INTO t (id, b) SELECT coalesce(max(id), 0) + 1, 2 FROM t')
      for (let n = 0; n < 10; n++) insert()
      const rng = seededRng(seed)
      const simulation = follow(pair, seed, 3, 2)
      await simulation.start(2)
      const go = async (steps: number): Promise<void> => {
        for (let n = 0; n < steps; n++) await simulation.step()
        if (rng.int(2) === 0) await simulation.crash(1 + rng.int(2), undefined)
      }
      await go(100)
      pair.db.exec(`ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'new'`)
      insert()
      pair.db.exec('UPDATE t SET c = id WHERE id % 2')
      await go(60)
      pair.db.exec('ALTER TABLE t RENAME COLUMN a TO "a ""2"""')
      pair.db.exec('UPDATE t SET "a ""2""" = 5 WHERE id < 4; DELETE FROM t WHERE id = 3')
      await go(60)
      await settle(pair, simulation)
      pair.db.exec('ALTER TABLE t RENAME TO gone; CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
      pair.db.exec(
        `INSERT INTO t VALUES (1, 'x'); CREATE UNIQUE INDEX u ON t (x); INSERT OR REPLACE INTO t VALUES (2, 'x')`,
      )
      await go(60)
      await settle(pair, simulation)
      await simulation.close()
    }
  })
})
