import { it } from 'vitest'
import { type MysqlConnection, quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { type Rng, seededRng } from '../../../../src/util/rng.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { makeWorld } from './changes-world.ts'

const ONLY = process.env.MILLRACE_MYSQL_SEED
const SEEDS = Number(process.env.MILLRACE_MYSQL_SEEDS ?? 3)
const KEYS = 30
const TABLES = ['t', 'u', 'v']

/** What concurrent work and tables that are not there make: a key twice, no table, a table, a lock not had in time. */
const EXPECTED = new Set([1050, 1051, 1062, 1146, 1205])

async function attempt(connection: MysqlConnection, sql: string): Promise<void> {
  await connection.run(sql).catch((error: { errno?: number }) => {
    if (!EXPECTED.has(error.errno ?? 0)) throw error
  })
}

const createSql = (table: string): string => `CREATE TABLE IF NOT EXISTS ${table} (id int PRIMARY KEY, v int)`

/** A row or a few, or the table itself. */
async function disturb(connection: MysqlConnection, database: string, rng: Rng): Promise<void> {
  const table = `${quoteName(database)}.${TABLES[rng.int(TABLES.length)]}`
  const [id, value] = [rng.int(KEYS), rng.int(1000)]
  const choice = rng.int(30)
  if (choice === 0) return attempt(connection, `DROP TABLE ${table}`)
  if (choice < 4) {
    await attempt(connection, createSql(table))
    return attempt(connection, `INSERT IGNORE INTO ${table} VALUES (${id}, ${value}), (${id + KEYS}, ${value})`)
  }
  if (choice === 4) return attempt(connection, `TRUNCATE TABLE ${table}`)
  if (choice < 16) return attempt(connection, `INSERT INTO ${table} VALUES (${id}, ${value})`)
  if (choice < 22) return attempt(connection, `UPDATE ${table} SET v = v + 1 WHERE id % 3 = ${id % 3}`)
  if (choice < 26) return attempt(connection, `UPDATE ${table} SET id = ${rng.int(KEYS)} WHERE id = ${id}`)
  return attempt(connection, `DELETE FROM ${table} WHERE id = ${id}`)
}

describeServers('tables that come and go', ['mysql', 'mariadb'], (server) => {
  it.each(ONLY === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(ONLY)])(
    'at every step of a read, are told once and end equal, through crashes and at any parallelism (seed %i)',
    async (seed) => {
      const rng = seededRng(seed)
      const database = await server.database('changes')
      const connection = await server.connection()
      await connection.run('SET SESSION lock_wait_timeout = 1, innodb_lock_wait_timeout = 1')
      for (const table of TABLES) await connection.run(createSql(`${quoteName(database)}.${table}`))
      const work = () => disturb(connection, database, rng)
      for (let n = 0; n < 60; n++) await work()
      // One that ends is as of a place on the way: what it tells has to fit.
      const ends = seed % 3 === 0
      const options = ends ? { startup: 'snapshot' as const } : {}
      const world = await makeWorld({ server, database, connection, rng, options, disturb: work, tables: TABLES })
      await world.simulation.start(1 + rng.int(3))
      for (let n = 0; n < 400; n++) {
        await world.simulation.step()
        if (rng.int(20) === 0) await work()
        if (rng.int(60) === 0) await world.simulation.crash(1 + rng.int(3), new Map())
      }
      for (const table of TABLES) await connection.run(createSql(`${quoteName(database)}.${table}`))
      if (ends) while (!world.simulation.ended) await world.simulation.step()
      else await world.settle()
      await world.simulation.close()
    },
  )
})
