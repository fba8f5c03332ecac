import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { MysqlPort } from '../../../../src/connectors/mysql/mysql-port.ts'
import { parseChangesOptions } from '../../../../src/connectors/mysql/options.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { runtimeContext } from '../../../support/runtime-context.ts'

describeServers('a table that is gone', ['mysql', 'mariadb'], (server) => {
  it('and back when its next chunk is read has the rows that it has then', async () => {
    const database = await server.database('missing')
    const name = `${database}.t`
    const connection = await server.connection(database)
    const create = 'CREATE TABLE t (id INT PRIMARY KEY, v INT)'
    await connection.run(create)
    await connection.run(`INSERT INTO t VALUES ${Array.from({ length: 40 }, (_, n) => `(${n}, ${n})`)}`)
    const directory = await mkdtemp(join(tmpdir(), 'missing-'))
    const settings = parseChangesOptions({ url: server.url(database), chunkSize: 10 })
    let opened = 0
    const port = new MysqlPort<{ id: number }>(settings, async (step) => {
      if (step === 'post-high') opened += 1
    })
    await port.open(runtimeContext({ clock: systemClock, directory }), 'reader')
    onTestFinished(async () => {
      await port.close()
      await rm(directory, { recursive: true, force: true })
    })
    const { ranges } = await port.splitTable(name, undefined)
    const last = ranges.at(-1)
    if (last === undefined || last.from === null) throw new Error('it has several chunks')
    await connection.run('DROP TABLE t')
    port.prepareChunk(name, last)
    await expect.poll(() => opened).toBe(1)
    // It looks for the table now, and does not find it. Should it come back before, it is found: that is no less right.
    await new Promise((resolve) => setTimeout(resolve, 200))
    await connection.run(create)
    await connection.run('INSERT INTO t VALUES (1000, 1)')
    const back = await port.currentOffset()
    const read = await port.readChunk(name, last, 100)
    expect(port.compareOffsets(read.high, back)).toBeGreaterThanOrEqual(0)
    expect(read.rows.map(({ after }) => after)).toEqual([{ id: 1000, v: 1 }])
  })
})
