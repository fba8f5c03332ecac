// Envelopes behind a source: columns are told before rows in each subtask, whatever fails on the way.

import { join } from 'node:path'
import Libsql from 'libsql'
import { test } from 'vitest'
import { testJob } from '../../../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../../../runtime/testing/temporary-folder.ts'
import { canalJson, debeziumJson, fromCanalJson, fromDebeziumJson } from '../../../../../src/connectors/cdc/index.ts'
import { collect } from '../../../../../src/connectors/collect/index.ts'
import { sqliteChanges } from '../../../../../src/connectors/sqlite/index.ts'
import { job } from '../../../../../src/index.ts'

const ROWS = Array.from({ length: 20 }, (_, i) => ({
  id: BigInt(i) + 2n ** 60n,
  name: `größe ${i}`,
  raw: Uint8Array.of(i, 255),
}))

test.each([
  ['Debezium', debeziumJson({ name: 'srv', schemas: true }), fromDebeziumJson<(typeof ROWS)[number]>()],
  ['canal', canalJson(), fromCanalJson<(typeof ROWS)[number]>()],
])('%s: what is read of a table is read back of its messages', async (_name, encode, decode) => {
  await inTemporaryFolder(async (folder) => {
    const file = join(folder, 'shop.db')
    const database = new Libsql(file)
    database.exec('CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT, raw BLOB)')
    const insert = database.prepare('INSERT INTO items VALUES (?, ?, ?)')
    for (const { id, name, raw } of ROWS) insert.run(id, name, Buffer.from(raw))
    database.close()
    const source = () =>
      sqliteChanges({ file, startup: 'snapshot', chunkSize: 7, schemaChanges: true, rows: 'array', integers: 'bigint' })
    await testJob<unknown>(
      (out) =>
        job('there-and-back', (flow) => {
          flow
            .from('items', source)
            .process('encode', encode)
            .rebalance()
            .process('decode', decode)
            .flatMap('rows', ({ after }) => (after === null ? [] : [after]))
            .to('out', collect(out))
        }),
      { expected: ROWS, parallelism: [2] },
    )
  })
})
