// Every value of every type is in the target what it is in the source, as the servers themselves print it.

import { expect, it } from 'vitest'
import { quoteName } from '../../../../../src/connectors/mysql/connection.ts'
import { mysqlTables } from '../../../../../src/connectors/mysql/index.ts'
import { canonicalRows } from '../../../../support/mysql-digest.ts'
import { columnTypes } from '../../../../support/mysql-every-type.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'
import { createTypesTable, insertTypes, typeCases } from '../../../../support/mysql-types.ts'
import {
  column,
  created,
  deleted,
  type RowChange,
  SinkDriver,
  schemaRecord,
  snapshotOf,
  sourceOf,
  writeOnce,
} from './sink-driver.ts'

describeServers('exact values', ['mysql', 'mariadb'], (server) => {
  const everyType = async (database: string): Promise<void> => {
    const session = await server.connection(database)
    await session.run("SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'")
    const types = columnTypes(server.flavour)
    const columns = types.map(({ name, type }) => `${quoteName(name)} ${type}`)
    await session.run(`CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT, ${columns.join(', ')})`)
    await session.run('INSERT INTO t (id, v) VALUES (0, 0)')
    let id = 0
    for (const { name, values } of types)
      for (const value of values) {
        id += 1
        await session.run(`INSERT INTO t (id, v, ${quoteName(name)}) VALUES (${id}, ${id}, ${value})`)
      }
  }

  it.each(['upsert', 'exactly-once'] as const)('are written, and found by their keys: %s', async (delivery) => {
    const [from, to] = [await server.database(), await server.database()]
    await everyType(from)
    const session = await server.connection(to)
    const changes = await snapshotOf(session, from, 't')
    await writeOnce(mysqlTables({ url: server.url(to), delivery }), changes)
    expect(await canonicalRows(session, to, 't')).toEqual(await canonicalRows(session, from, 't'))
    await writeOnce(mysqlTables({ url: server.url(to), delivery }), gone(changes))
    expect(await session.query('SELECT id FROM t')).toEqual([])
  })

  it('are found by all their values where there is no key', async () => {
    const [from, to] = [await server.database(), await server.database()]
    await everyType(from)
    const session = await server.connection(to)
    await session.run(`ALTER TABLE ${quoteName(from)}.t MODIFY id BIGINT, DROP PRIMARY KEY`)
    await session.run(
      `INSERT INTO ${quoteName(from)}.t (id, c_varchar) VALUES (-1, 'a'), (-1, 'A'), (-1, 'a '), (-1, 'a')`,
    )
    const changes = await snapshotOf(session, from, 't')
    const logged: string[] = []
    const driver = await SinkDriver.open(mysqlTables({ url: server.url(to), delivery: 'exactly-once' }), { logged })
    await driver.write(...changes)
    expect(await canonicalRows(session, to, 't')).toEqual(await canonicalRows(session, from, 't'))
    await driver.write(...gone(changes.filter(({ after }) => after === null || after[0] !== -1n)))
    expect((await session.query('SELECT c_varchar FROM t')).flat().sort()).toEqual(['A', 'a', 'a', 'a '])
    const [first] = changes.filter(({ after }) => after?.includes('A'))
    await driver.write(...gone([first as RowChange]))
    expect((await session.query('SELECT c_varchar FROM t')).flat().sort()).toEqual(['a', 'a', 'a '])
    expect(logged.filter((line) => line.includes('were not in the target'))).toEqual([])
    await driver.close()
  })

  it('keep the sign of zero, in a key, a float and a double, where the server has such', async () => {
    const to = await server.database()
    const session = await server.connection(to)
    const columns = [column('id', 'double'), column('f', 'float'), column('d', 'double')]
    const source = sourceOf('t')
    const changes = [
      schemaRecord(source, { columns, key: ['id'] }),
      created(source, [-0, -0, -0]),
      created(source, [1, 0, 0]),
    ]
    await writeOnce(mysqlTables({ url: server.url(to) }), changes)
    const found = await session.query('SELECT CAST(id AS CHAR), CAST(f AS CHAR), CAST(d AS CHAR) FROM t ORDER BY id')
    expect(found).toEqual([new Array(3).fill(server.flavour === 'mysql' ? '-0' : '0'), ['1', '0', '0']])
    await writeOnce(mysqlTables({ url: server.url(to) }), gone(changes))
    expect(await session.query('SELECT * FROM t')).toEqual([])
  })

  it('of types at their edges, in every character set', async () => {
    const [from, to] = [await server.database(), await server.database()]
    const session = await server.connection(from)
    const cases = typeCases(server.flavour)
    await session.run(createTypesTable('t', cases))
    for (const sql of insertTypes('t', cases)) await session.run(sql)
    await writeOnce(mysqlTables({ url: server.url(to) }), await snapshotOf(session, from, 't'))
    expect(await canonicalRows(session, to, 't')).toEqual(await canonicalRows(session, from, 't'))
  })
})

function gone(changes: readonly RowChange[]): RowChange[] {
  return changes.map((change) => (change.after === null ? change : deleted(change.source, change.after)))
}
