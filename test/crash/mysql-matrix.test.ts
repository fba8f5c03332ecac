// What befalls servers, and jobs beside them: killed, replaced by a replica, their log gone, ALTER while the job is down.

import { expect, it } from 'vitest'
import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import { describePrivateServers, type ServerProcess } from '../support/mysql-servers.ts'
import { AGAIN, Beside, values } from './mysql-beside.ts'

describePrivateServers('mysql-to-mysql beside', ['mysql', 'mariadb'], (flavour) => {
  const beside = new Beside(flavour)

  it('its source killed and started again, it goes on by itself', async () => {
    const { source, to } = await beside.setUp()
    const job = beside.start(source, to)
    await beside.caughtUp(source, to, job)
    for (let round = 1; round <= 2; round++) {
      await (await beside.connect(source)).run(`INSERT INTO shop.t VALUES ${values(round * 1000, 300)}`)
      await source.kill()
      await source.start()
      await (await beside.connect(source)).run(
        'UPDATE shop.t SET v = v + 1; INSERT INTO shop.keyless VALUES (3, 3), (3, 3)',
      )
      await beside.caughtUp(source, to, job)
    }
    await beside.kill(job)
    await beside.finish(source, to)
  })

  it('its target killed and started again, it goes on by itself', async () => {
    const { source, to } = await beside.setUp()
    const job = beside.start(source, to)
    await beside.caughtUp(source, to, job)
    const session = await beside.connect(source)
    await session.run('UPDATE shop.t SET v = v + 1; INSERT INTO shop.keyless VALUES (4, 4)')
    await beside.target.kill()
    await session.run(`INSERT INTO shop.t VALUES ${values(1000, 300)}; DELETE FROM shop.keyless WHERE n = 1 LIMIT 1`)
    await beside.target.start()
    await session.run('INSERT INTO shop.keyless VALUES (5, 5), (5, 5)')
    await beside.caughtUp(source, to, job)
    await beside.kill(job)
  })

  it('its source replaced by a replica of it, it goes on from the same transaction', async () => {
    const { source, to } = await beside.setUp({ own: true })
    const replica = await beside.server([`--server-id=${source.port + 1}`])
    await follow(await beside.connect(replica), source)
    const job = beside.start(source, to)
    await beside.caughtUp(source, to, job)
    const session = await beside.connect(source)
    await session.run('UPDATE shop.t SET v = v + 1')
    await job.seen(/status=complete/)
    await beside.kill(job)
    await session.run(`INSERT INTO shop.t VALUES ${values(1000, 300)}; DELETE FROM shop.keyless WHERE n = 1 LIMIT 1`)
    await replicated(session, await beside.connect(replica))
    await source.kill()
    const promoted = await beside.connect(replica)
    await promoted.run(flavour === 'mysql' ? 'STOP REPLICA; RESET REPLICA ALL' : 'STOP SLAVE; RESET SLAVE ALL')
    await promoted.run('UPDATE shop.t SET a = id WHERE id % 2 = 0; INSERT INTO shop.keyless VALUES (6, 6)')
    await beside.finish(replica, to)
  })

  it('a log that is gone: it stops, and says what to do', async () => {
    const { source, to } = await beside.setUp({ own: true })
    await beside.finish(source, to)
    const session = await beside.connect(source)
    await session.run('INSERT INTO shop.t VALUES (9001, 1, NULL)')
    await session.run('FLUSH BINARY LOGS; FLUSH BINARY LOGS')
    await purge(session)
    for (const args of [[], ['--batch']]) {
      const { code, stderr } = await beside.start(source, to, args).result
      expect(code).toBe(1)
      expect(stderr).toContain('LOG_GONE')
      expect(stderr).toContain('--fresh')
    }
    await session.run(flavour === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER')
    await session.run('INSERT INTO shop.t VALUES (9002, 1, NULL)')
    const reset = await beside.start(source, to).result
    expect(reset.code).toBe(1)
    expect(reset.stderr).toContain('LOG_GONE')
  })

  it('tables altered while it is down, and killed while it catches up', async () => {
    const { source, to } = await beside.setUp()
    await beside.finish(source, to)
    const session = await beside.connect(source)
    const work = (n: number): string =>
      `INSERT INTO shop.t (id, v) VALUES ${Array.from({ length: 200 }, (_, i) => `(${n * 1000 + i}, ${i})`).join(',')};
       UPDATE shop.t SET v = v + 1 WHERE id % 3 = ${n % 3}; DELETE FROM shop.t WHERE id % 50 = ${n}`
    for (const [n, alter] of ALTERS.entries()) await session.run(`${work(n + 1)}; ${alter}; ${work(n + 21)}`)
    for (let round = 0; round < 4; round++) {
      const job = beside.start(source, to)
      await job.seen(/status=complete|event=state state=running/)
      await new Promise((resolve) => setTimeout(resolve, 60 * round))
      await beside.kill(job)
    }
    await beside.finish(source, to)
  })

  it('columns dropped and added again under their names while it is down, and killed while it catches up', async () => {
    const { source, to } = await beside.setUp()
    await beside.finish(source, to)
    const session = await beside.connect(source)
    await session.run(`UPDATE shop.t SET a = 'former' WHERE id % 3 = 0; ${AGAIN.join(';')}`)
    await session.run(
      "UPDATE shop.t SET a = 'now', v = v + 1 WHERE id % 5 = 0; UPDATE shop.keyless SET v = 8 WHERE n = 2",
    )
    for (let round = 0; round < 3; round++) {
      const job = beside.start(source, to)
      await job.seen(/status=complete|event=state state=running/)
      await new Promise((resolve) => setTimeout(resolve, 60 * round))
      await beside.kill(job)
    }
    await session.run(`UPDATE shop.t SET a = 'then' WHERE id % 7 = 0; ${AGAIN.join(';')}`)
    await beside.finish(source, to)
  })
})

const ALTERS = [
  'ALTER TABLE shop.t ADD COLUMN b INT NOT NULL DEFAULT 5 FIRST',
  'ALTER TABLE shop.t RENAME COLUMN b TO c',
  'ALTER TABLE shop.t MODIFY COLUMN v BIGINT NOT NULL',
  'ALTER TABLE shop.t ADD COLUMN b VARCHAR(10), DROP COLUMN a',
  'ALTER TABLE shop.t CHANGE COLUMN c d VARCHAR(20), ADD COLUMN c INT',
  'CREATE TABLE shop._t_gho LIKE shop.t; ALTER TABLE shop._t_gho ADD COLUMN e INT DEFAULT 3; INSERT INTO shop._t_gho SELECT *, 3 FROM shop.t; RENAME TABLE shop.t TO shop._t_del, shop._t_gho TO shop.t; DROP TABLE shop._t_del',
  'ALTER TABLE shop.t ADD COLUMN g INT NOT NULL DEFAULT 7; ALTER TABLE shop.t MODIFY COLUMN g TEXT NULL; UPDATE shop.t SET g = NULL WHERE id % 2 = 0',
  "ALTER TABLE shop.t DROP COLUMN g, ADD COLUMN g VARCHAR(20) DEFAULT 'anew'",
  'ALTER TABLE shop.t DROP COLUMN g; ALTER TABLE shop.t ADD COLUMN g INT DEFAULT 9',
  'TRUNCATE TABLE shop.t',
  'DROP TABLE shop.t; CREATE TABLE shop.t (id BIGINT PRIMARY KEY, v DECIMAL(10,2), f FLOAT DEFAULT 1.5)',
]

/** Only the last file stays. One that is being sent stays too, until the server sees that its reader is gone. */
async function purge(session: MysqlConnection): Promise<void> {
  for (;;) {
    const files = await session.query('SHOW BINARY LOGS')
    if (files.length === 1) return
    await session.run(`PURGE BINARY LOGS TO '${files.at(-1)?.[0]}'`)
    await session.run('CREATE DATABASE IF NOT EXISTS noticed')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Makes a server the replica of another one, from its first transaction. */
async function follow(replica: MysqlConnection, source: ServerProcess): Promise<void> {
  if (source.flavour === 'mysql') {
    await replica.run('RESET BINARY LOGS AND GTIDS')
    await replica.run(
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${source.port}, SOURCE_USER = 'millrace',
       SOURCE_PASSWORD = 'millrace', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA`,
    )
    return
  }
  await replica.run("RESET MASTER; SET GLOBAL gtid_slave_pos = ''")
  await replica.run(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${source.port}, MASTER_USER = 'millrace',
     MASTER_PASSWORD = 'millrace', MASTER_USE_GTID = slave_pos; START SLAVE`,
  )
}

/** Until the replica has all that the source has. */
async function replicated(source: MysqlConnection, replica: MysqlConnection): Promise<void> {
  const count = 'SELECT count(*), sum(v) FROM shop.t'
  const keyless = 'SELECT count(*), sum(v) FROM shop.keyless'
  for (;;) {
    const state = async (session: MysqlConnection): Promise<string> =>
      JSON.stringify([await session.query(count), await session.query(keyless)])
    if ((await state(source)) === (await state(replica))) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
