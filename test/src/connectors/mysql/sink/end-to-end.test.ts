// From server to server, through source and sink: rows, changes of tables, and faults of the sink on the way.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { job } from 'millrace'
import { type MysqlValue, mysqlChanges, mysqlTables } from 'millrace/connectors/mysql'
import { expect, it } from 'vitest'
import { runJobHere } from '../../../../../runtime/testing/index.ts'
import type { Failpoint } from '../../../../../src/util/failpoint.ts'
import { difference } from '../../../../support/mysql-digest.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'

const FAULTS: readonly (Failpoint | undefined)[] = [
  undefined,
  'sql.write.after',
  'sql.commit.before',
  'sql.commit.after',
  'sql.schema.after',
]

describeServers('from server to server', ['mysql', 'mariadb'], (server) => {
  it.each(FAULTS)('becomes equal, a fault at: %s', async (failpoint) => {
    const [from, to] = [await server.database('from'), await server.database('to')]
    const session = await server.connection(from)
    const copy = copyJob(server.url(from), from, server.url(to))
    const dataDir = await mkdtemp(join(tmpdir(), 'end-to-end-'))
    const sync = async (): Promise<void> => {
      const fault = failpoint === undefined ? {} : { fault: { failpoint, passing: 2 } }
      const result = await runJobHere(copy, { dataDir, mode: 'batch', parallelism: 1, ...fault })
      expect(result.failure).toBeUndefined()
    }
    const equal = async (): Promise<void> => {
      const copied = { session: await server.connection(to), database: to }
      expect(await difference({ session, database: from }, copied)).toBe('')
    }
    try {
      await session.run('CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a VARCHAR(40), u INT, UNIQUE KEY (u))')
      await session.run('CREATE TABLE pairs (k VARCHAR(20), n INT, v TEXT, PRIMARY KEY (n, k))')
      const rows = Array.from({ length: 1500 }, (_, i) => `(${i + 1}, 'row ${i}', ${i})`)
      await session.run(`INSERT INTO t VALUES ${rows.join(', ')}`)
      await session.run(`INSERT INTO pairs VALUES ('a', 1, 'x'), ('A ', 2, 'y'), ('b', 1, NULL)`)
      await sync()
      await equal()
      await session.run('UPDATE t SET u = u + 5000 ORDER BY id DESC')
      await session.run('DELETE FROM t WHERE id % 3 = 0')
      await session.run('UPDATE t SET id = id + 100000 WHERE id % 5 = 0')
      await session.run(`ALTER TABLE t ADD COLUMN c DECIMAL(10,2) NOT NULL DEFAULT 1.50, MODIFY a TEXT`)
      await session.run(`INSERT INTO t (a, u, c) VALUES ('new', -1, 2.25)`)
      await session.run(`UPDATE pairs SET k = 'B' WHERE k = 'b'`)
      await session.run('ALTER TABLE pairs RENAME COLUMN v TO w')
      await session.run(`INSERT INTO pairs VALUES ('c', 3, 'z')`)
      await session.run('CREATE TABLE later (id BIGINT UNSIGNED PRIMARY KEY, b VARBINARY(20))')
      await session.run(`INSERT INTO later VALUES (18446744073709551615, x'00ff27')`)
      await sync()
      await equal()
      await session.run('ALTER TABLE t DROP COLUMN u')
      await session.run(`UPDATE t SET a = 'last' WHERE id < 10`)
      await session.run(`ALTER TABLE t DROP COLUMN c, ADD COLUMN c DECIMAL(10,2) NOT NULL DEFAULT 2.50`)
      await session.run(`UPDATE pairs SET w = 'former' WHERE k = 'a'`)
      await session.run('ALTER TABLE pairs ADD COLUMN x TEXT')
      await session.run(`INSERT INTO pairs VALUES ('d', 4, 'w', 'x')`)
      await session.run('ALTER TABLE pairs DROP COLUMN w; ALTER TABLE pairs ADD COLUMN w TEXT')
      await session.run('ALTER TABLE later DROP COLUMN b, ADD COLUMN b VARBINARY(20), ADD COLUMN y INT DEFAULT 1')
      // On a server that others write to, columns are told by a table's next row: batch runs seldom end at the very end of the log.
      await session.run(`INSERT INTO t (a) VALUES ('behind'); INSERT INTO pairs (k, n) VALUES ('e', 5)`)
      await session.run(`INSERT INTO later VALUES (1, x'02', 3)`)
      await sync()
      await equal()
      await session.run(`UPDATE t SET c = 3 WHERE id < 20`)
      await session.run('ALTER TABLE later CHANGE COLUMN y b INT, DROP COLUMN b')
      await session.run(`UPDATE pairs SET x = 'y' WHERE k = 'd'`)
      await session.run('ALTER TABLE pairs ADD COLUMN w TEXT, DROP COLUMN w')
      await session.run(`INSERT INTO pairs (k, n) VALUES ('f', 6); INSERT INTO later VALUES (2, 4)`)
      await sync()
      await equal()
      await session.run('TRUNCATE TABLE pairs')
      await session.run(`INSERT INTO pairs (k, n, w) VALUES ('only', 1, 'one')`)
      await sync()
      await equal()
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })

  it('takes rows from before a column was dropped and added again under the same type, but NOT NULL', async () => {
    const [from, to] = [await server.database('from'), await server.database('to')]
    const session = await server.connection(from)
    const dataDir = await mkdtemp(join(tmpdir(), 'end-to-end-'))
    const sync = async (): Promise<void> => {
      const copy = copyJob(server.url(from), from, server.url(to))
      const result = await runJobHere(copy, { dataDir, mode: 'batch', parallelism: 1 })
      expect(result.failure).toBeUndefined()
    }
    try {
      await session.run(`CREATE TABLE t (id INT PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'w')`)
      await sync()
      await session.run('ALTER TABLE t MODIFY COLUMN a VARCHAR(40)')
      await session.run('INSERT INTO t VALUES (2, NULL)')
      await session.run(`ALTER TABLE t DROP COLUMN a, ADD COLUMN a VARCHAR(40) NOT NULL DEFAULT 'n'`)
      await session.run(`INSERT INTO t VALUES (3, 'x')`)
      await sync()
      const copied = { session: await server.connection(to), database: to }
      expect(await difference({ session, database: from }, copied)).toBe('')
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

function copyJob(source: string, database: string, target: string) {
  const changes = () =>
    mysqlChanges<MysqlValue[]>({ url: source, tables: [`${database}.*`], rows: 'array', schemaChanges: true })
  const tables = () => mysqlTables({ url: target, schemaChange: 'evolve', batchRows: 200 })
  return job('copy', (flow) => {
    flow.from('from', changes()).to('to', tables(), { parallelism: 1 })
  })
}
