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
import { seededRng } from '../../../../src/util/rng.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'
import { disturb, SCHEMA } from './statement-storm.ts'

const ONLY = process.env.MILLRACE_CDC_SEED
const SEEDS = Number(process.env.MILLRACE_SQLITE_SEEDS ?? 25)

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

type Row = SqliteValue[]
type Db = Libsql.Database

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => {
    if (typeof part === 'bigint') return `i${part}`
    if (part?.type === 'Buffer') return `b${part.data}`
    if (part instanceof Uint8Array) return `b${[...part]}`
    return typeof part === 'number' ? `r${part}` : part
  })

const copyTables = <V>(tables: Map<string, Map<string, V>>): Map<string, Map<string, V>> =>
  new Map([...tables].map(([name, rows]) => [name, new Map(rows)]))

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
    return copyTables(this.tables)
  }

  restore(state: unknown): void {
    this.tables = copyTables(state as Map<string, Map<string, string>>)
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
