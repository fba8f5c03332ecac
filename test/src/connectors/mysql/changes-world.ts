// mysqlChanges in the simulated machine: what is told goes to a strict sink (no row twice, no unknown row, every before-image right), which has
// to end with exactly what the source has.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { ChangeSource, type ChangeSplit } from '../../../../src/connectors/cdc/index.ts'
import { type MysqlConnection, quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { MysqlPort } from '../../../../src/connectors/mysql/mysql-port.ts'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import { type MysqlChangesOptions, parseChangesOptions } from '../../../../src/connectors/mysql/options.ts'
import { compareOffsets, currentPlace } from '../../../../src/connectors/mysql/place.ts'
import { serverInfo } from '../../../../src/connectors/mysql/server.ts'
import type { ViewStep } from '../../../../src/connectors/mysql/snapshot-view.ts'
import type { Change } from '../../../../src/record/change.ts'
import type { Rng } from '../../../../src/util/rng.ts'
import type { TestServer } from '../../../support/mysql-servers.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'

export type Row = readonly unknown[]

/** As the server prints them. */
export const text = (values: readonly unknown[]): string =>
  JSON.stringify(
    values.map((value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value === null ? null : String(value),
    ),
  )

/** Rows by table and key, applied strictly. */
export class StrictTables implements StrictSink<Change<Row>> {
  tables = new Map<string, Map<string, string>>()
  applied = 0

  apply(change: Change<Row>): void {
    this.applied += 1
    const rows = this.rows(change.source.table)
    if (change.op === 't') return rows.clear()
    const { before, after, key, oldKey } = change
    const say = `${change.op} ${text(key)} ${text(before ?? [])} -> ${text(after ?? [])}`
    if (before !== null) expect(rows.get(text(oldKey ?? key)), say).toBe(text(before))
    if (before !== null) rows.delete(text(oldKey ?? key))
    if (after !== null) expect(rows.has(text(key)), say).toBe(false)
    if (after !== null) rows.set(text(key), text(after))
  }

  rows(table: string): Map<string, string> {
    const known = this.tables.get(table) ?? new Map<string, string>()
    this.tables.set(table, known)
    return known
  }

  told(table: string): string[] {
    return [...this.rows(table).values()].sort()
  }

  snapshot(): unknown {
    return new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]))
  }

  restore(state: unknown): void {
    this.tables = new Map([...(state as typeof this.tables)].map(([name, rows]) => [name, new Map(rows)]))
  }
}

export interface World {
  readonly sink: StrictTables
  readonly simulation: SourceSimulation<Change<Row>, ChangeSplit>
  /** Stops changing rows, and steps until sink and source are the same. */
  settle(): Promise<void>
}

export interface Setup {
  readonly server: TestServer
  readonly database: string
  readonly connection: MysqlConnection
  readonly rng: Rng
  readonly options?: Partial<MysqlChangesOptions>
  /** Changes something, at each step of a view with a chance. */
  readonly disturb: () => Promise<void>
  readonly tables: readonly string[]
  readonly sink?: StrictTables
}

export async function makeWorld({
  server,
  database,
  connection,
  rng,
  options,
  disturb,
  tables,
  ...setup
}: Setup): Promise<World> {
  const sink = setup.sink ?? new StrictTables()
  let quiet = false
  const hook = async (_step: ViewStep): Promise<void> => {
    if (!quiet && rng.int(2) === 0) await disturb()
  }
  const simulation = await simulate({ url: server.url(), tables: [`${database}.*`], ...options }, { rng, sink, hook })
  const isSame = async (): Promise<boolean> => {
    for (const table of tables)
      if (text(await rowsOf(connection, database, table)) !== text(sink.told(table))) return false
    return true
  }
  return {
    sink,
    simulation,
    settle: async () => {
      quiet = true
      const end = await currentPlace(connection, await serverInfo(connection))
      const isRead = (): boolean =>
        simulation.splits.some(
          (split) => split.kind === 'log' && compareOffsets(split.position as MysqlOffset, end) >= 0,
        )
      // The server's log is everyone's: what other tests write there is read first, however long that takes.
      for (let n = 0; n < 20_000; n += isRead() ? 500 : 0) {
        for (let step = 0; step < 500; step++) await simulation.step()
        if (isRead() && (await isSame())) return
      }
      for (const table of tables) expect(sink.told(table)).toEqual(await rowsOf(connection, database, table))
      throw new Error('the log was not reached')
    },
  }
}

/** The machine around a source that reads five rows a chunk. */
export async function simulate(
  options: MysqlChangesOptions,
  { rng, sink, hook }: { rng: Rng; sink: StrictSink<Change<Row>>; hook?: (step: ViewStep) => Promise<void> },
): Promise<SourceSimulation<Change<Row>, ChangeSplit>> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-mysql-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const settings = parseChangesOptions({ chunkSize: 5, rows: 'array', heartbeatMs: 1000, ...options })
  const { startup } = settings
  const makeSource = () =>
    new ChangeSource<Row>(
      () => new MysqlPort<Row>(settings, hook),
      { startup, discoveryIntervalMs: 100, schemaChanges: false },
      'unbounded',
    )
  return new SourceSimulation({ rng, makeSource, sink, pollRecords: 3, directory })
}

/** What the server has, in its own text. */
export async function rowsOf(connection: MysqlConnection, database: string, table: string): Promise<string[]> {
  const columns = await connection.query(
    'SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [database, table],
  )
  const list = columns.map(([name, type]) =>
    type === 'binary' ? `LOWER(HEX(${quoteName(String(name))}))` : `CAST(${quoteName(String(name))} AS CHAR)`,
  )
  const rows = await connection.query(`SELECT ${list.join(', ')} FROM ${quoteName(database)}.${quoteName(table)}`)
  return rows.map((row) => JSON.stringify(row)).sort()
}
