// mysqlChanges on real servers, in the simulated machine: rows change at every step of a read, attempts fail, readers come and go; a strict
// sink (no row twice, no unknown row, every before-image right) has to end with exactly what the source has.

import { describe, expect, it } from 'vitest'
import { type MysqlConnection, quoteName } from '../../../../src/connectors/mysql/connection.ts'
import type { Change } from '../../../../src/record/change.ts'
import { type Rng, seededRng } from '../../../../src/util/rng.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { makeWorld, type Row, StrictTables, text } from './changes-world.ts'

/** Rows that nothing tells apart: as many of each as there are. */
class StrictBags extends StrictTables {
  override apply({ op, before, after, source }: Change<Row>): void {
    const rows = this.rows(source.table)
    if (op === 't') return rows.clear()
    for (const [row, by] of [
      [before, -1],
      [after, 1],
    ] as const) {
      if (row === null) continue
      const count = Number(rows.get(text(row)) ?? 0) + by
      expect(count, `${op} ${text(row)}`).toBeGreaterThanOrEqual(0)
      rows.set(text(row), String(count))
    }
  }

  override told(table: string): string[] {
    return [...this.rows(table)].flatMap(([row, count]) => Array<string>(Number(count)).fill(row)).sort()
  }
}

/** A kind of key: the columns' SQL, and the n-th key as SQL, in no particular order of n. */
interface KeyKind {
  readonly columns: string
  readonly key: string
  readonly of: (n: number) => string[]
}

const KEYS: Readonly<Record<string, KeyKind>> = {
  int: { columns: 'id int', key: 'id', of: (n) => [String(n - 20)] },
  'unsigned bigint to its end': {
    columns: 'id bigint unsigned',
    key: 'id',
    of: (n) => [String(n % 2 === 0 ? n : 18_446_744_073_709_551_615n - BigInt(n))],
  },
  'sparse bigint': { columns: 'id bigint', key: 'id', of: (n) => [String((n * 25_000_000_000) % 999_999_999_989)] },
  decimal: { columns: 'id decimal(30,10)', key: 'id', of: (n) => [`${n - 20}.0000000${(n * 7) % 10}01`] },
  'varchar without case': {
    columns: 'id varchar(20) collate utf8mb4_general_ci',
    key: 'id',
    of: (n) => [`'${word(n)}'`],
  },
  'varchar, latin1': {
    columns: 'id varchar(20) charset latin1 collate latin1_german2_ci',
    key: 'id',
    of: (n) => [`'${word(n)}'`],
  },
  binary: {
    columns: 'id binary(4)',
    key: 'id',
    of: (n) => [`X'${((n * 2_654_435_761) >>> 0).toString(16).padStart(8, '0')}'`],
  },
  datetime: { columns: 'id datetime(3)', key: 'id', of: (n) => [`'20${10 + n}-01-31 00:00:00.${(n * 37) % 1000}'`] },
  float: { columns: 'id double', key: 'id', of: (n) => [`${(n - 17) / 7}e0`] },
  enum: {
    columns: "id enum('z','y','a','m','b','é'), n int",
    key: 'id, n',
    of: (n) => [String(1 + (n % 6)), String(n)],
  },
  composite: {
    columns: 'a int, b varchar(10) collate utf8mb4_general_ci, c decimal(10,2)',
    key: 'b, a, c',
    of: (n) => [String(n % 3), `'${word(n % 10)}'`, `${n}.50`],
  },
  prefix: { columns: 'id varchar(100)', key: 'id(5)', of: (n) => [`'${word(n)}'`] },
}

/** Words that JavaScript orders in another way than collations do. */
function word(n: number): string {
  const letters = 'aBcDéfG'
  return `${letters[n % 7]}${letters[(n * 3 + 1) % 7]}${n}`
}

const KEY_COUNT = 40

/** One random change, or a transaction of several. */
async function change(connection: MysqlConnection, table: string, kind: KeyKind, rng: Rng): Promise<void> {
  const several = rng.int(3) === 0
  if (several) await connection.run('START TRANSACTION')
  for (let n = several ? 1 + rng.int(4) : 1; n > 0; n--) await changeRow(connection, table, kind, rng)
  if (several) await connection.run(rng.int(5) === 0 ? 'ROLLBACK' : 'COMMIT')
}

async function changeRow(connection: MysqlConnection, table: string, kind: KeyKind, rng: Rng): Promise<void> {
  const names = namesOf(kind)
  const key = kind.of(rng.int(KEY_COUNT))
  const where = names.map((name, index) => `${name} = ${key[index]}`).join(' AND ')
  const other = kind.of(rng.int(KEY_COUNT))
  const sets = names.map((name, index) => `${name} = ${other[index]}`).join(', ')
  const choice = rng.int(10)
  if (choice < 4) await connection.run(`INSERT IGNORE INTO ${table} (${names}, v) VALUES (${key}, ${rng.int(1000)})`)
  else if (choice < 6) await connection.run(`DELETE FROM ${table} WHERE ${where}`)
  else if (choice < 8) await connection.run(`UPDATE ${table} SET v = v + 1 WHERE ${where}`)
  else await connection.run(`UPDATE IGNORE ${table} SET ${sets} WHERE ${where}`)
}

/** Names of the columns in `columns`. */
const namesOf = ({ columns }: KeyKind): string[] =>
  [...columns.replaceAll(/\([^)]*\)/g, '').split(',')].map((part) => part.trim().split(' ')[0] as string)

async function fill(connection: MysqlConnection, table: string, kind: KeyKind): Promise<void> {
  await connection.run(`CREATE TABLE ${table} (${kind.columns}, v int, PRIMARY KEY (${kind.key}))`)
  const rows = Array.from({ length: KEY_COUNT }, (_, n) => n).filter((n) => n % 2 === 0)
  await connection.run(`INSERT INTO ${table} (${namesOf(kind)}, v) VALUES ${rows.map((n) => `(${kind.of(n)}, ${n})`)}`)
}

/** MILLRACE_MYSQL_SEED=n runs one seed only: the way to replay a failure. */
function seeds(): number[] {
  const only = process.env.MILLRACE_MYSQL_SEED
  if (only !== undefined) return [Number(only)]
  return Array.from({ length: Number(process.env.MILLRACE_MYSQL_SEEDS ?? 3) }, (_, index) => index + 1)
}

describeServers('mysqlChanges', ['mysql', 'mariadb'], (server) => {
  describe.each(Object.entries(KEYS))('tables whose key is %s', (name, kind) => {
    it('rows that change at every step of a read come out once each, through crashes and at any parallelism', async () => {
      const connection = await server.connection()
      for (const seed of seeds()) {
        const rng = seededRng(seed * 1000 + name.length)
        const database = await server.database('changes')
        const table = `${quoteName(database)}.t`
        await fill(connection, table, kind)
        const disturb = () => change(connection, table, kind, rng)
        const world = await makeWorld({ server, database, connection, rng, disturb, tables: ['t'] })
        await world.simulation.start(1 + rng.int(3))
        for (let n = 0; n < 400; n++) {
          await world.simulation.step()
          if (rng.int(20) === 0) await disturb()
          if (rng.int(60) === 0) await world.simulation.crash(1 + rng.int(3), new Map())
        }
        await world.settle()
        await world.simulation.close()
      }
    })
  })

  it('a table without a key is copied in one view, and given from the copy', async () => {
    const connection = await server.connection()
    for (const seed of seeds()) {
      const rng = seededRng(seed)
      const database = await server.database('changes')
      const table = `${quoteName(database)}.t`
      await connection.run(`CREATE TABLE ${table} (a int, b varchar(10))`)
      const insert = (): Promise<unknown> =>
        connection.run(`INSERT INTO ${table} VALUES (${rng.int(4)}, 'x'), (${rng.int(4)}, NULL)`)
      for (let n = 0; n < 20; n++) await insert()
      const disturb = async (): Promise<void> => {
        const choice = rng.int(4)
        if (choice < 2) await insert()
        else if (choice === 2) await connection.run(`DELETE FROM ${table} WHERE a = ${rng.int(4)} LIMIT 2`)
        else await connection.run(`UPDATE ${table} SET a = ${rng.int(4)} WHERE a = ${rng.int(4)} LIMIT 3`)
      }
      const sink = new StrictBags()
      const world = await makeWorld({ server, database, connection, rng, disturb, tables: ['t'], sink })
      await world.simulation.start(1 + rng.int(2))
      for (let n = 0; n < 300; n++) {
        await world.simulation.step()
        if (rng.int(20) === 0) await disturb()
        if (rng.int(60) === 0) await world.simulation.crash(1 + rng.int(2), new Map())
      }
      await world.settle()
      await world.simulation.close()
    }
  })

  it('tables that come while the source runs are read and joined, and those that go leave', async () => {
    const connection = await server.connection()
    for (const seed of seeds()) {
      const rng = seededRng(seed)
      const database = await server.database('changes')
      const kind = KEYS.int as KeyKind
      const named = (table: string): string => `${quoteName(database)}.${quoteName(table)}`
      await fill(connection, named('t'), kind)
      await fill(connection, named('gone'), kind)
      const disturb = () => change(connection, named('t'), kind, rng)
      const world = await makeWorld({ server, database, connection, rng, disturb, tables: ['t', 'späte.`r'] })
      await world.simulation.start(2)
      // A table that is being read is locked against DROP until its chunk is read; here nobody would go on reading meanwhile.
      while (world.sink.rows('gone').size < KEY_COUNT / 2) await world.simulation.step()
      await connection.run(`DROP TABLE ${named('gone')}`)
      await fill(connection, named('späte.`r'), kind)
      for (let n = 0; n < 200; n++) {
        await world.simulation.step()
        if (rng.int(20) === 0) await change(connection, named('späte.`r'), kind, rng)
      }
      await world.simulation.crash(1 + rng.int(3), new Map())
      await world.settle()
      await world.simulation.close()
    }
  })

  it('a restore reads again what was not acknowledged, and nothing else', async () => {
    const connection = await server.connection()
    const database = await server.database('changes')
    await connection.run(`CREATE TABLE ${quoteName(database)}.t (id int PRIMARY KEY, v int)`)
    const rows = Array.from({ length: 200 }, (_, n) => `(${n}, ${n})`)
    await connection.run(`INSERT INTO ${quoteName(database)}.t VALUES ${rows}`)
    const told: string[] = []
    const sink = new (class extends StrictTables {
      override apply(one: Change<Row>): void {
        told.push(text(one.key))
        super.apply(one)
      }
    })()
    const rng = seededRng(1)
    const world = await makeWorld({ server, database, connection, rng, disturb: async () => {}, tables: ['t'], sink })
    await world.simulation.start(2)
    while (sink.rows('t').size < 100) await world.simulation.step()
    const before = world.simulation.checkpoints
    while (world.simulation.checkpoints === before) await world.simulation.step()
    const kept = new Set((sink.snapshot() as StrictTables['tables']).get('t')?.keys())
    await world.simulation.crash(3, new Map())
    told.length = 0
    await world.settle()
    expect(told.filter((key) => kept.has(key))).toEqual([])
    expect(kept.size + told.length).toBe(200)
    await world.simulation.close()
  })

  it.each([
    ['a table of one row', ['(7, 1)']],
    ['an empty table', []],
  ])('%s', async (_, rows) => {
    const connection = await server.connection()
    const database = await server.database('changes')
    await connection.run(`CREATE TABLE ${quoteName(database)}.t (id int PRIMARY KEY, v int)`)
    for (const row of rows) await connection.run(`INSERT INTO ${quoteName(database)}.t VALUES ${row}`)
    const rng = seededRng(1)
    const world = await makeWorld({ server, database, connection, rng, disturb: async () => {}, tables: ['t'] })
    await world.simulation.start(2)
    await world.settle()
    await connection.run(`INSERT INTO ${quoteName(database)}.t VALUES (1, 2)`)
    await world.settle()
    expect(world.sink.rows('t').size).toBe(rows.length + 1)
    await world.simulation.close()
  })
})
