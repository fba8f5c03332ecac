// jobs/mysql-to-mysql.ts as it is shipped: whole databases, every type, changes and DDL since.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import { difference, digests } from '../support/mysql-digest.ts'
import { columnTypes } from '../support/mysql-every-type.ts'
import { describeServers } from '../support/mysql-servers.ts'
import { createTables, Workload } from '../support/mysql-workload.ts'
import { type ProcessOptions, runJob } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))

/** `data`: the data directory's name. */
interface RunOptions extends ProcessOptions {
  readonly data?: string
}

describeServers('mysql-to-mysql', ['mysql', 'mariadb'], (server) => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mysql-to-mysql-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const run = (settings: Readonly<Record<string, string>>, { data = 'data', ...options }: RunOptions = {}) =>
    runJob(
      [
        JOB,
        ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
        ...['--batch', '--parallelism', '2', '--restart', 'none', '--data-dir', join(folder, data)],
      ],
      options,
    )

  it('copies tables of every kind, and what happened since with the next run', async () => {
    const [database, copy] = [await server.database('shop'), await server.database('copy')]
    const session = await server.connection(database)
    await createTables(session, server.flavour, 100)
    let id = 1000
    for (const { name, values } of columnTypes(server.flavour))
      for (const value of values)
        await session.run(`INSERT INTO every_type (id, v, ${name}) VALUES (${id++}, 1, ${value})`)
    await session.run('CREATE TABLE unique_too (id INT PRIMARY KEY, u INT UNIQUE, p INT, FULLTEXT KEY f (t), t TEXT)')
    await session.run("INSERT INTO unique_too VALUES (1, 1, 1, 'a'), (2, 2, 2, 'b'), (3, NULL, 3, 'c')")
    const rng = seededRng(5)
    const settings = { url: server.url(database), flavour: server.flavour, rng, truncates: true, pauseMs: 0 }
    const workload = new Workload({ ...settings, connections: 1, transactionsPerDdl: 10 })
    await workload.open()
    await workload.run(200)

    const sync = { from: server.url(), to: server.url(), tables: `${database}.*`, into: `${database}:${copy}` }
    const first = await run(sync)
    expect(first.code, first.stderr).toBe(0)
    expect(Object.keys(await digests(session, copy))).toEqual(Object.keys(await digests(session, database)))
    expect(await difference({ session, database }, { session, database: copy })).toBe('')

    await workload.run(200)
    // Values change places: in between, rows of a unique index stand in each other's way.
    await session.run('UPDATE unique_too SET u = NULL WHERE id = 1; UPDATE unique_too SET u = 1 WHERE id = 2')
    await session.run('UPDATE unique_too SET u = 2 WHERE id = 1; UPDATE unique_too SET u = 9, id = 7 WHERE id = 3')
    const second = await run(sync)
    expect(second.code, second.stderr).toBe(0)
    expect(await difference({ session, database }, { session, database: copy })).toBe('')
    workload.close()
  })

  it('runs twice into one server, each with a ledger of its own', async () => {
    const database = await server.database('shop')
    const session = await server.connection(database)
    await session.run('CREATE TABLE t (id INT PRIMARY KEY)')
    await session.run('CREATE TABLE keyless (v INT)')
    await session.run('INSERT INTO keyless VALUES (1), (1), (2)')
    for (const name of ['first', 'second']) {
      const [copy, ledger] = [await server.database('copy'), await server.database('ledger')]
      const sync = {
        from: server.url(),
        to: server.url(),
        tables: `${database}.*`,
        into: `${database}:${copy}`,
        ledger,
      }
      const { code, stderr } = await run(sync, { data: name })
      expect(code, stderr).toBe(0)
      expect(await difference({ session, database }, { session, database: copy })).toBe('')
      expect((await session.first(`SELECT COUNT(*) FROM ${ledger}.millrace_epochs`))?.[0]).toBe('1')
    }
  })

  it('refuses to write into what it reads, and takes passwords from the environment', async () => {
    const database = await server.database('shop')
    const session = await server.connection(database)
    await session.run('CREATE TABLE t (id INT PRIMARY KEY)')
    const url = new URL(server.url())
    const { password } = url
    url.password = ''
    const sync = { from: url.href, to: url.href, tables: `${database}.*` }
    const env = { FROM_PASSWORD: password, TO_PASSWORD: password }
    for (const into of [{}, { into: `${database}:${database}` }, { into: `other:${database}` }]) {
      const { code, stderr } = await run({ ...sync, ...into }, { env })
      expect(code).toBe(1)
      expect(stderr).toContain(`${database}.… would be written into itself`)
    }
    const copy = await server.database('copy')
    const { code, stderr } = await run({ ...sync, into: `${database}:${copy}` }, { env })
    expect(code, stderr).toBe(0)
    expect(Object.keys(await digests(session, copy))).toEqual(['t'])
    const refused = await run(
      { ...sync, into: `${database}:${copy}` },
      { env: { FROM_PASSWORD: 'wrong', TO_PASSWORD: 'x' } },
    )
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('Access denied')
  })
})
