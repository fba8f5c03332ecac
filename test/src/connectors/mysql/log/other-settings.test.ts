// Servers that log less than all, or otherwise.

import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MysqlTable } from '../../../../../src/connectors/mysql/column.ts'
import { EventType } from '../../../../../src/connectors/mysql/log/event.ts'
import {
  connectTo,
  describePrivateServers,
  describeServers,
  type ServerProcess,
  startServer,
} from '../../../../support/mysql-servers.ts'
import { columnCases, nameOf } from './column-cases.ts'
import { printRow, RowLog, readPrinted } from './row-log.ts'

const mismatch = (reason: RegExp) =>
  expect.objectContaining({ code: 'SCHEMA_MISMATCH', message: expect.stringMatching(reason) })

describeServers('parts of rows', ['mysql', 'mariadb'], (server) => {
  it('are refused, and the variable is named', async () => {
    const log = await RowLog.open(server.url(await server.database('parts')))
    await log.sql.run("CREATE TABLE t (id int PRIMARY KEY, a int, b text); INSERT INTO t VALUES (1, 1, '')")
    for (const image of ['MINIMAL', 'NOBLOB']) {
      await log.sql.run(`SET SESSION binlog_row_image = ${image}`)
      const rows = log.rows(() => log.sql.run('UPDATE t SET a = a + 1'))
      await expect(rows).rejects.toEqual(mismatch(/binlog_row_image = 'FULL'/))
    }
    log.sql.close()
  })
})

describeServers('parts of JSON', ['mysql'], (server) => {
  it('are refused, and the variable is named; changed in place they are whole', async () => {
    const log = await RowLog.open(server.url(await server.database('partial')))
    await log.sql.run(
      `CREATE TABLE t (id int PRIMARY KEY, j json); INSERT INTO t VALUES (1, '{"a": "long enough", "b": [1, 2, 3]}')`,
    )
    const update = (): Promise<unknown> => log.sql.run("UPDATE t SET j = JSON_REPLACE(j, '$.a', 'short')")
    const [row] = await log.rows(update)
    expect(row?.after).toEqual([1, '{"a": "short", "b": [1, 2, 3]}'])
    await log.sql.run("UPDATE t SET j = JSON_REPLACE(j, '$.a', 'long again')")
    await log.sql.run('SET SESSION binlog_row_value_options = PARTIAL_JSON')
    await expect(log.rows(update)).rejects.toEqual(mismatch(/binlog_row_value_options = ''/))
    log.sql.close()
  })

  it('a document added to rows that were there is null', async () => {
    const log = await RowLog.open(server.url(await server.database('added')))
    await log.sql.run('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    await log.sql.run('ALTER TABLE t ADD j json NOT NULL, ALGORITHM = INSTANT')
    const [row] = await log.rows(() => log.sql.run('UPDATE t SET id = 2'))
    expect(row?.after).toEqual([2, 'null'])
    log.sql.close()
  })
})

describePrivateServers('table maps without names', ['mysql', 'mariadb'], (flavour) => {
  let server: ServerProcess
  let log: RowLog

  beforeAll(async () => {
    const metadata = flavour === 'mysql' ? 'MINIMAL' : 'NO_LOG'
    // MariaDB: its other ways to write, too.
    const others = ['--log-bin-compress=1', '--log-bin-compress-min-len=10', '--mysql56-temporal-format=0']
    const options = [
      `--binlog-row-metadata=${metadata}`,
      '--binlog-checksum=NONE',
      ...(flavour === 'mysql' ? [] : others),
    ]
    server = await startServer(flavour, { durability: 'relaxed', options })
    const session = await connectTo(server.url())
    await session.run('CREATE DATABASE unnamed')
    session.close()
    log = await RowLog.open(server.url('unnamed'))
  })
  afterAll(async () => {
    log.sql.close()
    await server.dispose()
  })

  it('are read by the catalogue, if it still fits', async () => {
    const cases = columnCases(flavour).filter(
      ([declaration]) => flavour === 'mysql' || !/^(t|dt|ts)[1-6] /.test(declaration),
    )
    const columns = cases.map(([declaration]) => declaration).join(', ')
    await log.sql.run(`CREATE TABLE every_type (id int PRIMARY KEY, ${columns}) CHARACTER SET utf8mb4`)
    const given = cases.filter(([, ...values]) => values.length > 0)
    const names = given.map(([declaration]) => nameOf(declaration)).join(', ')
    const rows = await log.rows(async () => {
      for (const row of [1, 2, 3] as const)
        await log.sql.run(`INSERT INTO every_type (id, ${names}) VALUES (${row}, ${given.map((one) => one[row])})`)
    })
    const table = (await log.catalogue.table('unnamed', 'every_type')) as MysqlTable
    expect(rows[0]?.table).toEqual(table)
    const printed = await log.printed(table, 'id')
    expect(rows.map(printRow)).toEqual(printed.map((values) => readPrinted(values, table)))
    if (flavour === 'mariadb') {
      expect(rows.map(({ type }) => type)).toEqual(Array.from({ length: 3 }, () => EventType.writeRowsCompressedV1))
      const more = await log.rows(async () => {
        await log.sql.run('UPDATE every_type SET nn = 7')
        await log.sql.run('DELETE FROM every_type WHERE id = 1')
      })
      expect(more.map(({ type }) => type)).toEqual([
        ...Array.from({ length: 3 }, () => EventType.updateRowsCompressedV1),
        EventType.deleteRowsCompressedV1,
      ])
      expect(more[3]?.before).toEqual(more[0]?.after)
    }
  })

  it.each([
    ['one more', 'ADD b int'],
    ['another type', 'MODIFY a bigint'],
    ['another sign', 'MODIFY u int'],
    ['another length', 'MODIFY v varchar(11)'],
    ['another precision', 'MODIFY d decimal(10,3)'],
    ['NULL is allowed', 'MODIFY a int NULL'],
    ['more members', `MODIFY e enum(${Array.from({ length: 256 }, (_, i) => `'m${i}'`).join()})`],
    ['gone', undefined],
  ])('are refused if the table has other columns now: %s', async (_, alter) => {
    await log.sql.run('DROP TABLE IF EXISTS t')
    await log.sql.run(
      "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, u int unsigned, v varchar(10), d decimal(10,2), e enum('a'))",
    )
    const rows = log.rows(async () => {
      await log.sql.run("INSERT INTO t VALUES (1, 2, 3, 'v', 1.5, 'a')")
      await log.sql.run(alter === undefined ? 'DROP TABLE t' : `ALTER TABLE t ${alter}`)
    })
    // The old map of a MariaDB does not tell signs.
    if (flavour === 'mariadb' && alter === 'MODIFY u int') expect((await rows)[0]?.after?.[2]).toBe(3)
    else await expect(rows).rejects.toEqual(mismatch(/binlog_row_metadata = 'FULL'/))
  })

  if (flavour === 'mariadb')
    it.each(['time(3)', 'datetime(6)', 'timestamp(1)'])(
      'digits of a second that the log does not tell are refused: %s',
      async (type) => {
        await log.sql.run(`DROP TABLE IF EXISTS old; CREATE TABLE old (id int, at ${type} NULL)`)
        const rows = log.rows(() => log.sql.run("INSERT INTO old VALUES (1, '2024-01-02 03:04:05.5')"))
        await expect(rows).rejects.toEqual(mismatch(/mysql56_temporal_format/))
      },
    )
})
