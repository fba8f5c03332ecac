// mysqlChanges, held to the list that connector authors use.

import { mysqlChanges } from 'millrace/connectors/mysql'
import { expect, it } from 'vitest'
import { sourceConformance } from '../../runtime/testing/index.ts'
import type { Change } from '../../src/record/change.ts'
import { describeServers, type TestServer } from '../support/mysql-servers.ts'

interface Row {
  readonly n: number
  readonly name: string
}

/** A table of 13 rows, read in chunks of 4. */
function conformanceOn(server: TestServer) {
  return sourceConformance<Partial<Change<Row>>>({
    name: 'mysqlChanges',
    prepare: async () => {
      const database = await server.database('conformance')
      const connection = await server.connection(database)
      const rows = Array.from({ length: 13 }, (_, n): Row => ({ n, name: `row ${n}` }))
      await connection.run('CREATE TABLE orders (n int PRIMARY KEY, name varchar(20))')
      await connection.run('INSERT INTO orders VALUES ?', [rows.map(({ n, name }) => [n, name])])
      return {
        create: () => mysqlChanges<Row>({ url: server.url(database), tables: ['orders'], chunkSize: 4 }),
        expected: rows.map((after) => ({ op: 'r' as const, after })),
      }
    },
    supports: { end: 'in batch mode' },
    createBroken: () => mysqlChanges<Row>({ host: '127.0.0.1', port: 1, user: 'nobody', connectTimeoutMs: 1000 }),
    identityOf: ({ op, after }) => ({ op, after: { ...after } }),
  })
}

describeServers('mysqlChanges keeps the contract of sources', ['mysql', 'mariadb'], (server) => {
  const { cases, skipped } = conformanceOn(server)
  it.each(cases)('$name', ({ run }) => run())

  it('in all', () => {
    expect(skipped).toEqual([])
  })
})
