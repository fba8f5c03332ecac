// What befalls servers, and jobs beside them: killed, replaced by a replica, their log gone, one huge transaction, ALTER while the job is down.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { difference } from '../support/mysql-digest.ts'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../support/mysql-servers.ts'
import { type BinProcess, type ProcessOptions, startBin } from '../support/run-job.ts'

const full = process.env.MILLRACE_FULL === '1'
const JOB = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))

describePrivateServers('mysql-to-mysql beside', ['mysql', 'mariadb'], (flavour) => {
  const servers: ServerProcess[] = []
  const sessions: MysqlConnection[] = []
  let target: ServerProcess | undefined
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mysql-matrix-'))
  })
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.close()
    await rm(folder, { recursive: true })
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  /** A source with a table of some rows, and a database to copy it to. One server is the target of all tests here. */
  async function setUp(): Promise<{ source: ServerProcess; to: string }> {
    const source = await startServer(flavour)
    servers.push(source)
    if (target === undefined) {
      target = await startServer(flavour)
      servers.push(target)
    }
    const session = await connect(source)
    await session.run('CREATE DATABASE shop')
    await session.run('CREATE TABLE shop.t (id INT PRIMARY KEY, v INT NOT NULL, a VARCHAR(40))')
    await session.run(`INSERT INTO shop.t VALUES ${values(1, 500)}`)
    await session.run('CREATE TABLE shop.keyless (n INT, v INT)')
    await session.run('INSERT INTO shop.keyless VALUES (1, 1), (1, 1), (2, 2)')
    const to = `copy_${servers.length}`
    const there = await connect(target)
    await there.run(`CREATE DATABASE ${to}`)
    return { source, to }
  }

  async function connect(server: ServerProcess): Promise<MysqlConnection> {
    const session = await connectTo(server.url())
    sessions.push(session)
    return session
  }

  function start(
    source: ServerProcess,
    to: string,
    args: readonly string[] = [],
    options?: ProcessOptions,
  ): BinProcess {
    const settings = [`from=${source.url()}`, `to=${target?.url(to)}`, 'tables=shop.*']
    return startBin(
      'run-job',
      [
        JOB,
        ...settings.flatMap((pair) => ['--set', pair]),
        ...['--data-dir', join(folder, 'data'), '--checkpoint-interval', '100ms', '--parallelism', '2'],
        ...['--restart', 'fixed-delay', '--restart-attempts', '100', '--restart-delay', '200ms'],
        ...args,
      ],
      options,
    )
  }

  /** Lets it catch up and end. */
  async function finish(source: ServerProcess, to: string): Promise<void> {
    const { code, stderr } = await start(source, to, ['--batch']).result
    expect(code, stderr).toBe(0)
    expect(await differs(source, to)).toBe('')
  }

  const differs = async (source: ServerProcess, to: string): Promise<string> =>
    difference(
      { session: await connect(source), database: 'shop' },
      { session: await connect(target as ServerProcess), database: to },
    )

  async function caughtUp(source: ServerProcess, to: string, job: BinProcess): Promise<void> {
    let ended = false
    job.result.then(
      () => (ended = true),
      () => (ended = true),
    )
    while (!ended && (await differs(source, to)) !== '') await new Promise((resolve) => setTimeout(resolve, 100))
    expect(ended, 'the job ended by itself').toBe(false)
  }

  async function kill({ child, result }: BinProcess): Promise<void> {
    child.kill('SIGKILL')
    expect((await result).signal).toBe('SIGKILL')
  }

  it('its source killed and started again, it goes on by itself', async () => {
    const { source, to } = await setUp()
    const job = start(source, to)
    await caughtUp(source, to, job)
    for (let round = 1; round <= (full ? 5 : 2); round++) {
      await (await connect(source)).run(`INSERT INTO shop.t VALUES ${values(round * 1000, 300)}`)
      await source.kill()
      await source.start()
      await (await connect(source)).run('UPDATE shop.t SET v = v + 1; INSERT INTO shop.keyless VALUES (3, 3), (3, 3)')
      await caughtUp(source, to, job)
    }
    await kill(job)
    await finish(source, to)
  })

  it('its target killed and started again, it goes on by itself', async () => {
    const { source, to } = await setUp()
    const job = start(source, to)
    await caughtUp(source, to, job)
    const session = await connect(source)
    await session.run('UPDATE shop.t SET v = v + 1; INSERT INTO shop.keyless VALUES (4, 4)')
    await target?.kill()
    await session.run(`INSERT INTO shop.t VALUES ${values(1000, 300)}; DELETE FROM shop.keyless WHERE n = 1 LIMIT 1`)
    await target?.start()
    await session.run('INSERT INTO shop.keyless VALUES (5, 5), (5, 5)')
    await caughtUp(source, to, job)
    await kill(job)
  })

  it('its source replaced by a replica of it, it goes on from the same transaction', async () => {
    const { source, to } = await setUp()
    const replica = await startServer(flavour, { options: [`--server-id=${source.port + 1}`] })
    servers.push(replica)
    await follow(await connect(replica), source)
    const job = start(source, to)
    await caughtUp(source, to, job)
    const session = await connect(source)
    await session.run('UPDATE shop.t SET v = v + 1')
    await job.seen(/status=complete/)
    await kill(job)
    await session.run(`INSERT INTO shop.t VALUES ${values(1000, 300)}; DELETE FROM shop.keyless WHERE n = 1 LIMIT 1`)
    await replicated(session, await connect(replica))
    await source.kill()
    const promoted = await connect(replica)
    await promoted.run(flavour === 'mysql' ? 'STOP REPLICA; RESET REPLICA ALL' : 'STOP SLAVE; RESET SLAVE ALL')
    await promoted.run('UPDATE shop.t SET a = id WHERE id % 2 = 0; INSERT INTO shop.keyless VALUES (6, 6)')
    await finish(replica, to)
  })

  it('a log that is gone: it stops, and says what to do', async () => {
    const { source, to } = await setUp()
    await finish(source, to)
    const session = await connect(source)
    await session.run('INSERT INTO shop.t VALUES (9001, 1, NULL)')
    await session.run('FLUSH BINARY LOGS; FLUSH BINARY LOGS')
    await purge(session)
    for (const args of [[], ['--batch']]) {
      const { code, stderr } = await start(source, to, args).result
      expect(code).toBe(1)
      expect(stderr).toContain('LOG_GONE')
      expect(stderr).toContain('--fresh')
    }
    await session.run(flavour === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER')
    await session.run('INSERT INTO shop.t VALUES (9002, 1, NULL)')
    const reset = await start(source, to).result
    expect(reset.code).toBe(1)
    expect(reset.stderr).toContain('LOG_GONE')
  })

  it('one transaction of many rows, the job killed within it', { timeout: full ? 600_000 : 300_000 }, async () => {
    const { source, to } = await setUp()
    await finish(source, to)
    const session = await connect(source)
    const rows = full ? 1_000_000 : 60_000
    await session.run('BEGIN')
    for (let id = 10_000; id < 10_000 + rows; id += 5000)
      await session.run(`INSERT INTO shop.t VALUES ${values(id, 5000)}`)
    await session.run('SAVEPOINT s; DELETE FROM shop.t; ROLLBACK TO s')
    await session.run('UPDATE shop.t, shop.keyless SET t.v = -1, keyless.v = -1 WHERE t.id = keyless.n')
    await session.run('COMMIT')
    for (let round = 0; round < 2; round++) {
      const job = start(source, to)
      await job.seen(/status=complete/)
      await new Promise((resolve) => setTimeout(resolve, 150 * (round + 1)))
      await kill(job)
    }
    const last = start(source, to, ['--batch'])
    const watch = watchMemory(last)
    const { code, stderr } = await last.result
    expect(code, stderr).toBe(0)
    expect(await differs(source, to)).toBe('')
    expect(await watch).toBeLessThan(512)
  })

  it('tables altered while it is down, and killed while it catches up', async () => {
    const { source, to } = await setUp()
    await finish(source, to)
    const session = await connect(source)
    const work = (n: number): string =>
      `INSERT INTO shop.t (id, v) VALUES ${Array.from({ length: 200 }, (_, i) => `(${n * 1000 + i}, ${i})`).join(',')};
       UPDATE shop.t SET v = v + 1 WHERE id % 3 = ${n % 3}; DELETE FROM shop.t WHERE id % 50 = ${n}`
    for (const [n, alter] of ALTERS.entries()) await session.run(`${work(n + 1)}; ${alter}; ${work(n + 21)}`)
    for (let round = 0; round < 4; round++) {
      const job = start(source, to)
      await job.seen(/status=complete|event=state state=running/)
      await new Promise((resolve) => setTimeout(resolve, 60 * round))
      await kill(job)
    }
    await finish(source, to)
  })

  it('columns dropped and added again under their names while it is down, and killed while it catches up', async () => {
    const { source, to } = await setUp()
    await finish(source, to)
    const session = await connect(source)
    await session.run(`UPDATE shop.t SET a = 'former' WHERE id % 3 = 0; ${AGAIN.join(';')}`)
    await session.run(
      "UPDATE shop.t SET a = 'now', v = v + 1 WHERE id % 5 = 0; UPDATE shop.keyless SET v = 8 WHERE n = 2",
    )
    for (let round = 0; round < 3; round++) {
      const job = start(source, to)
      await job.seen(/status=complete|event=state state=running/)
      await new Promise((resolve) => setTimeout(resolve, 60 * round))
      await kill(job)
    }
    await session.run(`UPDATE shop.t SET a = 'then' WHERE id % 7 = 0; ${AGAIN.join(';')}`)
    await finish(source, to)
  })

  it.each([...(full ? ['manifest.rename.before:kill@2'] : []), 'manifest.rename.after:kill@2'])(
    'a column dropped and added again before rows are read again (%s)',
    async (failpoint) => {
      const { source, to } = await setUp()
      const killed = { env: { MILLRACE_FAILPOINT: failpoint } }
      expect((await start(source, to, [], killed).result).signal).toBe('SIGKILL')
      await (await connect(source)).run(
        `UPDATE shop.t SET a = 'former', v = v + 1 WHERE id % 3 = 0; DELETE FROM shop.t WHERE id % 7 = 0;
       ${AGAIN.join(';')}; UPDATE shop.t SET a = 'now' WHERE id % 5 = 0`,
      )
      await finish(source, to)
    },
  )

  it('a column added, then changed, before rows are read again', async () => {
    const { source, to } = await setUp()
    const killed = { env: { MILLRACE_FAILPOINT: 'manifest.rename.before:kill@2' } }
    expect((await start(source, to, [], killed).result).signal).toBe('SIGKILL')
    await (await connect(source)).run(
      `UPDATE shop.t SET v = v + 1 WHERE id % 3 = 0; DELETE FROM shop.t WHERE id % 7 = 0;
       ALTER TABLE shop.t ADD COLUMN b INT NOT NULL DEFAULT 7; UPDATE shop.t SET b = 8 WHERE id % 5 = 0;
       ALTER TABLE shop.t MODIFY COLUMN b TEXT NULL`,
    )
    await finish(source, to)
  })

  it('killed where chunks are acknowledged and the log takes over', async () => {
    const { source, to } = await setUp()
    const session = await connect(source)
    await session.run(`INSERT INTO shop.t VALUES ${values(10_000, 30_000)}`)
    for (const [n, failpoint] of STEPS.entries()) {
      await session.run(`UPDATE shop.t SET v = v + 1 WHERE id % 7 = ${n}; DELETE FROM shop.t WHERE id % 97 = ${n}`)
      const passing = `${failpoint}:kill@${(full ? 3 : 2) + (n % 2)}`
      const { signal } = await start(source, to, [], { env: { MILLRACE_FAILPOINT: passing } }).result
      expect(signal).toBe('SIGKILL')
    }
    await finish(source, to)
  })
})

/** Where a checkpoint, an acknowledgement or a hand-over could be half done. */
const STEPS: readonly Failpoint[] = [
  'source.barrier.after',
  'task.snapshot.frozen',
  'manifest.rename.before',
  'manifest.rename.after',
]

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

/** Other columns under the names of those that were there, whose values are seen in no row. */
const AGAIN = [
  "ALTER TABLE shop.t DROP COLUMN a, ADD COLUMN a VARCHAR(40) DEFAULT 'anew'",
  'ALTER TABLE shop.keyless DROP COLUMN v',
  'ALTER TABLE shop.keyless ADD COLUMN v INT DEFAULT 4',
]

const values = (first: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `(${first + index}, ${index}, 'row ${index}')`).join(',')

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

/** The most memory that a process had, in MB, as the system counts it. */
async function watchMemory({ child, result }: BinProcess): Promise<number> {
  let most = 0
  let running = true
  result.finally(() => (running = false)).catch(() => {})
  while (running) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
    } catch {
      break // it is gone
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return most
}
