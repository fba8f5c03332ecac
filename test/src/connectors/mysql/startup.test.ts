import { job } from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { type MysqlChangesOptions, mysqlChanges } from 'millrace/connectors/mysql'
import { expect, it } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import type { Change } from '../../../../src/record/change.ts'
import {
  connectTo,
  describePrivateServers,
  describeServers,
  startServer,
  type TestServer,
} from '../../../support/mysql-servers.ts'

interface Row {
  readonly id: number
  readonly v: number
}

/** What a batch run gives: op and row. */
async function read(options: MysqlChangesOptions): Promise<[string, Row | null][]> {
  const told: Change<Row>[] = []
  const reader = job('read', (flow) => {
    flow.from('changes', mysqlChanges<Row>(options)).to('told', collect(told))
  })
  const { failure } = await runJobHere(reader, { mode: 'batch' })
  if (failure !== undefined) throw failure
  return told.map(({ op, after, before }) => [op, after ?? before])
}

async function shop(server: TestServer) {
  const database = await server.database('startup')
  const connection = await server.connection(database)
  await connection.run('CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10), (2, 20)')
  return { connection, options: { url: server.url(database), tables: ['t'] } }
}

describeServers('where mysqlChanges begins and ends', ['mysql', 'mariadb'], (server) => {
  it('initial and snapshot: the rows; latest: nothing that was; earliest: every change', async () => {
    const { connection, options } = await shop(server)
    await connection.run('UPDATE t SET v = 11 WHERE id = 1; DELETE FROM t WHERE id = 2')
    expect(await read(options)).toEqual([['r', { id: 1, v: 11 }]])
    expect(await read({ ...options, startup: 'snapshot' })).toEqual([['r', { id: 1, v: 11 }]])
    expect(await read({ ...options, startup: 'latest' })).toEqual([])
    expect(await read({ ...options, startup: 'earliest' })).toEqual([
      ['c', { id: 1, v: 10 }],
      ['c', { id: 2, v: 20 }],
      ['u', { id: 1, v: 11 }],
      ['d', { id: 2, v: 20 }],
    ])
  })

  it('an offset, by file and position or by GTIDs, and a time: what was committed from there on', async () => {
    const { connection, options } = await shop(server)
    const [row] = await connection.query(server.flavour === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS')
    const [gtids] = (await connection.first(
      server.flavour === 'mysql' ? 'SELECT @@global.gtid_executed' : 'SELECT @@global.gtid_binlog_pos',
    )) as [string]
    // Commit times are told by the second.
    await connection.query('SELECT SLEEP(1.1)')
    const [seconds] = (await connection.first('SELECT UNIX_TIMESTAMP()')) as [number]
    await connection.run('INSERT INTO t VALUES (3, 30)')
    const later = [['c', { id: 3, v: 30 }]]
    expect(await read({ ...options, startup: { offset: `${row?.[0]}:${row?.[1]}` } })).toEqual(later)
    expect(await read({ ...options, startup: { offset: gtids } })).toEqual(later)
    expect(await read({ ...options, startup: { timestampMs: Number(seconds) * 1000 } })).toEqual(later)
  })

  it('chunkKey: columns of a unique index stand for a primary key', async () => {
    const { connection, options } = await shop(server)
    await connection.run('CREATE TABLE u (id int NOT NULL UNIQUE, v int); INSERT INTO u VALUES (1, 1), (2, 2), (3, 3)')
    const [database] = (await connection.first('SELECT DATABASE()')) as [string]
    const chunkKey = { [`${database}.u`]: 'id' }
    const told: Change<Row>[] = []
    const reader = job('read', (flow) => {
      flow
        .from('changes', mysqlChanges<Row>({ ...options, tables: ['u'], chunkKey, chunkSize: 2 }))
        .to('told', collect(told))
    })
    await runJobHere(reader, { mode: 'batch' })
    expect(told.map(({ key }) => key)).toEqual([[1], [2], [3]])
    await expect(read({ ...options, tables: ['u'], chunkKey: { [`${database}.u`]: 'v' } })).rejects.toMatchObject({
      code: 'SCHEMA_MISMATCH',
    })
  })

  it('rowsPerSecond: reads no faster than that', async () => {
    const { connection, options } = await shop(server)
    await connection.run(`INSERT INTO t VALUES ${Array.from({ length: 98 }, (_, n) => `(${n + 3}, 0)`)}`)
    const begin = performance.now()
    expect(await read({ ...options, rowsPerSecond: 200 })).toHaveLength(100)
    // The last slice is not waited for.
    expect(performance.now() - begin).toBeGreaterThan(350)
  })
})

describePrivateServers('mysqlChanges on a server without GTIDs', ['mysql'], (flavour) => {
  it('locks a table for a moment at each chunk, and follows by file and position', async () => {
    const server = await startServer(flavour, { durability: 'relaxed', options: ['--gtid-mode=OFF'] })
    const connection = await connectTo(server.url())
    await connection.run(
      'CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY, v int); CREATE TABLE shop.u (id int, v int)',
    )
    const rows = Array.from({ length: 50 }, (_, n) => `(${n}, 0)`)
    await connection.run(`INSERT INTO shop.t VALUES ${rows}; INSERT INTO shop.u VALUES ${rows}`)
    const told = await read({ url: server.url('shop'), chunkSize: 7 })
    expect(told.map(([op, row]) => `${op}${row?.id}`).sort()).toEqual(rows.flatMap((_, n) => [`r${n}`, `r${n}`]).sort())
    await connection.run('UPDATE shop.t SET v = 1 WHERE id = 7')
    expect(await read({ url: server.url('shop'), startup: 'earliest' })).toContainEqual(['u', { id: 7, v: 1 }])
    connection.close()
    await server.dispose()
  })
})
