// Tables that come to have rows which the log never had, while the source follows them.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ChangeSource, type ChangeSplit } from '../../../../src/connectors/cdc/index.ts'
import { MysqlPort } from '../../../../src/connectors/mysql/mysql-port.ts'
import { parseChangesOptions } from '../../../../src/connectors/mysql/options.ts'
import type { Change } from '../../../../src/record/change.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { describeServers, type TestServer } from '../../../support/mysql-servers.ts'
import { SourceSimulation, type StrictSink } from '../cdc/source-simulation.ts'

type Row = readonly unknown[]

/** Numbers of table t, each there once. */
class Numbers implements StrictSink<Change<Row>> {
  #numbers = new Set<number>()

  apply({ op, before, after, source }: Change<Row>): void {
    if (source.table !== 't') return
    if (op === 't') this.#numbers.clear()
    if (before !== null) expect(this.#numbers.delete(Number(before[0]))).toBe(true)
    if (after !== null) expect(this.#numbers.has(Number(after[0]))).toBe(false)
    if (after !== null) this.#numbers.add(Number(after[0]))
  }

  get sorted(): number[] {
    return [...this.#numbers].sort((a, b) => a - b)
  }

  snapshot(): unknown {
    return this.sorted
  }

  restore(state: unknown): void {
    this.#numbers = new Set(state as number[])
  }
}

async function follow(server: TestServer, database: string) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-replaced-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const settings = parseChangesOptions({
    url: server.url(),
    tables: [`${database}.t`],
    chunkSize: 5,
    rows: 'array',
    heartbeatMs: 1000,
  })
  const options = { startup: settings.startup, discoveryIntervalMs: 100, schemaChanges: false }
  const makeSource = () => new ChangeSource<Row>(() => new MysqlPort<Row>(settings), options, 'unbounded')
  const sink = new Numbers()
  const rng = seededRng(1)
  const simulation = new SourceSimulation<Change<Row>, ChangeSplit>({
    rng,
    makeSource,
    sink,
    pollRecords: 3,
    directory,
  })
  await simulation.start(2)
  const until = async (numbers: readonly number[]): Promise<void> => {
    for (let n = 0; n < 20_000 && String(sink.sorted) !== String(numbers); n++) await simulation.step()
    expect(sink.sorted).toEqual(numbers)
  }
  return { simulation, until }
}

describeServers('mysqlChanges of tables that are replaced', ['mysql', 'mariadb'], (server) => {
  test('are emptied and read anew, while the log goes on, through crashes', async () => {
    const database = await server.database('replaced')
    const sql = await server.connection(database)
    const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from + n)
    const fill = (table: string, values: readonly number[]): Promise<unknown> =>
      sql.run(`INSERT INTO ${table} VALUES ${values.map((value) => `(${value})`)}`)
    await sql.run(
      'CREATE TABLE t (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (1000))',
    )
    await fill('t', numbers(0, 20))
    const { simulation, until } = await follow(server, database)
    await until(numbers(0, 20))
    // Past its snapshot: the log alone tells of it.
    await fill('t', [20])
    await until(numbers(0, 21))
    await sql.run('ALTER TABLE t DROP PARTITION p0')
    await fill('t', [21])
    await until(numbers(10, 12))
    await sql.run('CREATE TABLE spare (id INT PRIMARY KEY)')
    await fill('spare', numbers(100, 30))
    await sql.run('RENAME TABLE t TO old, spare TO t')
    await fill('t', [130])
    for (let n = 0; n < 5; n++) {
      for (let step = 0; step < 40; step++) await simulation.step()
      await simulation.crash(1 + (n % 3), new Map())
    }
    await until(numbers(100, 31))
    await simulation.close()
  })
})
