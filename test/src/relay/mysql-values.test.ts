// Values of MySQL over a relay: what a batch is written as gives back every value, to its type.

import { isDeepStrictEqual } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { quoteName } from '../../../src/connectors/mysql/connection.ts'
import { msgpackRecords } from '../../../src/connectors/relay/index.ts'
import { describeServers } from '../../support/mysql-servers.ts'
import { createTypesTable, insertTypes, typeCases } from '../../support/mysql-types.ts'
import { LogDriver } from '../connectors/mysql/log-driver.ts'

describeServers('values of every type over a relay', ['mysql', 'mariadb'], (server) => {
  it('are what they were, in rows, keys and columns', async () => {
    const log = await LogDriver.open(server)
    onTestFinished(() => log.sql.close())
    const cases = typeCases(server.flavour)
    await log.run(createTypesTable(quoteName('every type'), cases))
    const from = await log.place()
    await log.run(...insertTypes(quoteName('every type'), cases))
    await log.run(`UPDATE ${quoteName('every type')} SET n = n + 1000 ORDER BY n`)
    const { changes, schemas } = await log.read(from)
    expect(changes.length).toBeGreaterThan(10)
    const told = changes.map((change, index) => (index === 0 ? { ...change, schema: schemas[0] } : change))
    const over = msgpackRecords.decode(Uint8Array.from(msgpackRecords.encode(told)))
    // Types count: bytes of one class are not those of another.
    const other = told.findIndex((change, index) => !isDeepStrictEqual(over[index], change))
    expect([over.length, other, over[other], told[other]]).toEqual([told.length, -1, undefined, undefined])
  })
})
