import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { KeyBound, Offset } from '../../../../src/connectors/cdc/index.ts'
import { MysqlPort } from '../../../../src/connectors/mysql/mysql-port.ts'
import { parseChangesOptions } from '../../../../src/connectors/mysql/options.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { describeServers, type TestServer } from '../../../support/mysql-servers.ts'

const ROWS = 3000

async function tableWithoutKey(server: TestServer) {
  const database = await server.database('spool')
  const connection = await server.connection(database)
  await connection.run('CREATE TABLE t (a int, b varchar(10))')
  const rows = Array.from({ length: ROWS }, (_, n) => [n, 'same'])
  await connection.run('INSERT INTO t VALUES ?', [rows])
  const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const silent = () => {}
  const open = async (): Promise<MysqlPort<{ a: number }>> => {
    const port = new MysqlPort<{ a: number }>(parseChangesOptions({ url: server.url(database) }))
    const metrics = { counter: () => ({ add: silent }), gauge: () => ({ set: silent }) }
    const logger = { debug: silent, info: silent, warn: silent, error: silent }
    const place = { job: 'job', node: 'node', subtask: 0, parallelism: 1, attempt: 0, mode: 'stream' as const }
    await port.open({ ...place, directory, clock: systemClock, metrics, logger }, 'reader')
    onTestFinished(() => port.close())
    return port
  }
  return { name: `${database}.t`, connection, spool: join(directory, 'spool'), open }
}

/** Reads from a place until so many rows have come, or the end. */
async function readFrom(port: MysqlPort<{ a: number }>, name: string, from: KeyBound | null, rowsMax: number) {
  const rows: number[] = []
  let next: KeyBound | null = from
  let high: Offset | undefined
  do {
    const read = await port.readChunk(name, { from: next, to: null }, 100)
    rows.push(...read.rows.map(({ after }) => (after as { a: number }).a))
    next = read.next
    high = read.high
  } while (next !== null && rows.length < rowsMax)
  return { rows, next, high: high as Offset }
}

describeServers('a table without a key', ['mysql', 'mariadb'], (server) => {
  it('goes on in another process from the same copy, whatever happened to the table', async () => {
    const { name, connection, open } = await tableWithoutKey(server)
    const first = await open()
    const begun = await readFrom(first, name, null, 1000)
    await first.close()
    await connection.run("DELETE FROM t WHERE a % 2 = 0; INSERT INTO t VALUES (-1, 'new')")
    const rest = await readFrom(await open(), name, begun.next, ROWS)
    expect([...begun.rows, ...rest.rows].sort((a, b) => a - b)).toEqual(Array.from({ length: ROWS }, (_, n) => n))
    expect(rest.high).toEqual(begun.high)
  })

  it('without its copy it cannot go on, and says so; a copy that is passed is removed', async () => {
    const { name, connection, spool, open } = await tableWithoutKey(server)
    const first = await open()
    const begun = await readFrom(first, name, null, 1000)
    await first.checkpointed(begun.high)
    expect(await readdir(spool)).not.toEqual([])
    await connection.run("INSERT INTO t VALUES (-1, 'new')")
    await first.checkpointed(await first.currentOffset())
    await first.close()
    expect(await readdir(spool)).toEqual([])
    const lost = readFrom(await open(), name, begun.next, ROWS)
    await expect(lost).rejects.toMatchObject({ code: 'LOG_GONE', message: expect.stringContaining('has no copy') })
  })
})
