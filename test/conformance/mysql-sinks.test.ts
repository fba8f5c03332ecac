// The sinks for MySQL and MariaDB, held to the list that connector authors use.

import { describe, expect, it } from 'vitest'
import { sinkConformance } from '../../runtime/testing/index.ts'
import { quoteName } from '../../src/connectors/mysql/connection.ts'
import { mysqlTable } from '../../src/connectors/mysql/index.ts'
import { describeServers } from '../support/mysql-servers.ts'

interface Row {
  readonly id: number
  readonly text: string
}

const ROWS: readonly Row[] = Array.from({ length: 9 }, (_, id) => ({ id, text: `row ${id}` }))
/** Three rows, each written three times. */
const VERSIONS: readonly Row[] = Array.from({ length: 9 }, (_, i) => ({ id: i % 3, text: `version ${i}` }))
const columns = { id: 'INT', text: 'VARCHAR(20)' }

describeServers('MySQL sinks keep their contract', ['mysql', 'mariadb'], (server) => {
  const target = async () => {
    const database = await server.database()
    const session = await server.connection()
    const read = async (): Promise<Row[]> => {
      const rows = await session.query(`SELECT id, text FROM ${quoteName(database)}.out_rows ORDER BY id`)
      return rows.map(([id, text]) => ({ id: Number(id), text: String(text) }))
    }
    return { options: { url: server.url(database), table: 'out_rows', create: true, columns }, read }
  }
  const broken = { url: 'mysql://nobody@127.0.0.1:1/nowhere', table: 't', retryMs: 0 }

  const upserted = sinkConformance<Row>({
    name: 'mysqlTable with a key',
    kind: 'upsert',
    prepare: async () => {
      const { options, read } = await target()
      return { create: () => mysqlTable<Row>({ ...options, key: ['id'] }), read }
    },
    records: VERSIONS,
    resultOf: (rows) => [...new Map(rows.map((row) => [row.id, row])).values()].sort((a, b) => a.id - b.id),
    createBroken: () => mysqlTable<Row>({ ...broken, key: ['id'] }),
  })
  const added = sinkConformance<Row>({
    name: 'mysqlTable without a key',
    kind: 'epoch',
    prepare: async () => {
      const { options, read } = await target()
      return { create: () => mysqlTable<Row>(options), read }
    },
    records: ROWS,
    createBroken: () => mysqlTable<Row>(broken),
  })

  describe.each([upserted, added])('$name', ({ cases, skipped }) => {
    it.each([...cases])('$name', ({ run }) => run())
    it('in all parts', () => expect(skipped).toEqual([]))
  })
})
