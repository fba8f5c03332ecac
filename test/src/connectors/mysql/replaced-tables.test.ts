// Tables that come to have rows which the log never had, while the source follows them.

import { expect, test } from 'vitest'
import type { Change } from '../../../../src/record/change.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { describeServers, type TestServer } from '../../../support/mysql-servers.ts'
import type { StrictSink } from '../cdc/source-simulation.ts'
import { type Row, simulate } from './changes-world.ts'

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
  const sink = new Numbers()
  const simulation = await simulate({ url: server.url(), tables: [`${database}.t`] }, { rng: seededRng(1), sink })
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
