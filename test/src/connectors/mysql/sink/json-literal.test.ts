// JSON documents, decimals among them, are what they were after they went through a literal.

import { expect, it } from 'vitest'
import { jsonLiteral } from '../../../../../src/connectors/mysql/sink/json-literal.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'

const DOCUMENTS = [
  `CAST(1.10 AS JSON)`,
  `CAST(-0.000000000000000000000000000001 AS JSON)`,
  `CAST(-0e0 AS JSON)`,
  `CAST('-0.0' AS JSON)`,
  `CAST('[1.0, 1.5, 1e100, 0.0000001, 1.7976931348623157e308, 123456789012345680.0, 5e-324]' AS JSON)`,
  `JSON_OBJECT('a', 1.10, 'it''s "quoted" \\\\ and .10', JSON_ARRAY(2, 2.50, JSON_OBJECT('', 3.000, 'é.x', 'no 4.00 here')))`,
  `JSON_ARRAY(CAST(99999999999999999999999999999999999.999999999999999999999999999990 AS DECIMAL(65,30)), TRUE, NULL, '0.10')`,
  `JSON_OBJECT('t', CAST('2024-01-01 00:00:00.100000' AS DATETIME(6)), 'b', x'00ff', 'e', JSON_ARRAY(), 'o', JSON_OBJECT())`,
  `CAST('"0.10"' AS JSON)`,
]

describeServers('JSON literals', ['mysql'], (server) => {
  it('print as the documents they are of', async () => {
    const session = await server.connection(await server.database())
    await session.run('CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, doc JSON)')
    const original: string[] = []
    for (const document of DOCUMENTS) {
      await session.run(`INSERT INTO t (doc) VALUES (${document})`)
      original.push(String((await session.first('SELECT CAST(doc AS CHAR) FROM t ORDER BY id DESC LIMIT 1'))?.[0]))
    }
    await session.run(`SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'`)
    await session.run('TRUNCATE TABLE t')
    await session.run(`INSERT INTO t (doc) VALUES ${original.map((text) => `(${jsonLiteral(text)})`).join(', ')}`)
    const written = await session.query('SELECT CAST(doc AS CHAR) FROM t ORDER BY id')
    expect(written.flat()).toEqual(original)
  })
})
