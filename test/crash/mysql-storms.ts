// What each storm is to leave behind: MILLRACE_SEED=17 repeats one. They are spread over test files, which run beside each other.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { expect, it } from 'vitest'
import { describeServers, type Flavour, type TestServer } from '../support/mysql-servers.ts'
import { KEYED } from '../support/mysql-workload.ts'
import { copyInStorm, inStorm, type StormOptions } from './mysql-storm.ts'
import { seeds } from './storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const size = { kills: 3, transactions: 240 }
const timeout = 600_000
const ORDER_JOB = fileURLToPath(new URL('./jobs/mysql-order.ts', import.meta.url))

/** A database that is worked on while jobs that follow it are killed. All storms of `npm run test:full`, on both servers: 30. */
export function describeStorms(flavour: Flavour): void {
  describeServers('a database that is worked on', [flavour], (server) => {
    it.each(seeds(full ? 8 : 1))('is copied, and the copy ends equal (seed %i)', { timeout }, async (seed) => {
      expect(await copyInStorm({ server, seed, ...size })).toBe('')
    })

    it.each(seeds(full ? 3 : 1))(
      'tells every change of a row once and in order (seed %i)',
      { timeout },
      async (seed) => {
        const { told, there } = await rowsInStorm({ server, seed: 1000 + seed, ...size })
        expect(told).toEqual(there)
      },
    )
  })
}

/** The same, over a network that fails. */
export function describeNetworkStorms(): void {
  describeServers('a database far away that is worked on', ['mysql', 'mariadb'], (server) => {
    it.each(seeds(full ? 4 : 1))('is copied over a network that fails (seed %i)', { timeout }, async (seed) => {
      expect(await copyInStorm({ server, seed: 500 + seed, ...size, faults: true })).toBe('')
    })
  })
}

/** v and a of every row of every table with a key, as the strict job was told them and as they are. */
function rowsInStorm(
  options: StormOptions & { readonly server: TestServer },
): Promise<{ told: string[]; there: string[] }> {
  return inStorm(options, false, async ({ database, folder, url, blow }) => {
    const session = await options.server.connection(database)
    const latest = join(folder, 'latest.db')
    const patterns = TABLES.map((name) => `${database}.${quotePattern(name)}`).join(',')
    const settings = [`from=${url}`, `tables=${patterns}`, `latest=${latest}`]
    // The first marker may be told with the rows of its table, before those of others are; one that comes behind it is told by the log.
    const isDone = async (): Promise<boolean> => {
      await session.run('INSERT IGNORE INTO ints (id, v) VALUES (1000000, 1)')
      const isTold = (marker: number): boolean => rowsTold(latest).some(([id]) => id === `ints [${marker}]`)
      if (isTold(1_000_000)) await session.run('INSERT IGNORE INTO ints (id, v) VALUES (1000001, 1)')
      return isTold(1_000_001)
    }
    await blow([ORDER_JOB, ...settings.flatMap((pair) => ['--set', pair])], isDone)
    const tableOf = (id: string): string => TABLES.find((name) => id.startsWith(`${name} `)) ?? id
    const told = rowsTold(latest).map(([id, row]) => `${tableOf(id)} ${row}`)
    const there: string[] = []
    for (const table of TABLES) {
      const a = table === 'audit' ? 'NULL' : 'a'
      const rows = await session.query(`SELECT v, ${a} FROM \`${table.replaceAll('`', '``')}\``)
      there.push(...rows.map((row) => `${table} ${JSON.stringify(row)}`))
    }
    return { told: told.sort(), there: there.sort() }
  })
}

const TABLES = [...KEYED.map(({ name }) => name), 'audit']

function rowsTold(file: string): [string, string][] {
  if (!existsSync(file)) return []
  const db = new Database(file, { timeout: 10_000 } as Database.Options)
  try {
    const rows = db.prepare('SELECT id, row FROM latest WHERE row IS NOT NULL')
    return rows.raw(true).all() as [string, string][]
  } finally {
    db.close()
  }
}

const quotePattern = (name: string): string => (/[.`]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name)
