import { expect, it } from 'vitest'
import { Catalogue } from '../../../../src/connectors/mysql/catalogue.ts'
import { splitTable } from '../../../../src/connectors/mysql/chunk-splitter.ts'
import type { MysqlTable } from '../../../../src/connectors/mysql/column.ts'
import { checkTable } from '../../../../src/connectors/mysql/preflight.ts'
import { serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { describeServers } from '../../../support/mysql-servers.ts'

describeServers('a table that is dropped while it is looked at', ['mysql', 'mariadb'], (server) => {
  it.each(['INT', 'VARCHAR(10)'])('is one chunk, or what is left of one (%s)', async (type) => {
    const database = await server.database()
    const session = await server.connection(database)
    await session.run(`CREATE TABLE t (id ${type} PRIMARY KEY)`)
    await session.run(`INSERT INTO t VALUES ${Array.from({ length: 30 }, (_, n) => `(${n + 10})`)}`)
    const catalogue = new Catalogue(session, await serverInfo(session))
    const table = (await catalogue.table(database, 't')) as MysqlTable
    const first = await splitTable(session, table, 2, undefined)
    await session.run('DROP TABLE t')
    const whole = { ranges: [{ from: null, to: null }], resume: undefined }
    expect(await splitTable(session, table, 2, undefined)).toEqual(whole)
    const ranges = [...first.ranges]
    for (let { resume } = first; resume !== undefined; ) {
      const rest = await splitTable(session, table, 2, resume)
      ranges.push(...rest.ranges)
      resume = rest.resume
    }
    expect(ranges.map(({ from }) => from)).toEqual([null, ...ranges.slice(0, -1).map(({ to }) => to)])
    expect(ranges.at(-1)?.to).toBeNull()
    const listed = { database, name: 't', engine: 'InnoDB', versioned: false }
    expect(await checkTable(session, new Set(['InnoDB']), listed, 'from')).toBe(false)
  })
})
