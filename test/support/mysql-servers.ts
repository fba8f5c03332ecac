// Real MySQL and MariaDB servers for tests: one of each for a whole run, started when the first test needs it, and private ones.
// MILLRACE_MYSQL_URL, MILLRACE_MARIADB_URL (an account with all rights): servers of your own instead of the shared ones.

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, inject } from 'vitest'
import { type MysqlConnection, quoteName } from '../../src/connectors/mysql/connection.ts'
import { connectTo, type Flavour, isInstalled, MysqlProcess, type ServerOptions } from './mysql-process.ts'
import { describeService, sharedAddress } from './services.ts'

export type { Flavour, MysqlProcess as ServerProcess, ServerOptions }
export { connectTo }

/** A server that several tests use at once: they keep to their own databases, and never touch what is the whole server's. */
export interface TestServer {
  readonly flavour: Flavour
  url(database?: string): string
  /** Closed after the tests of this describe. */
  connection(database?: string): Promise<MysqlConnection>
  /** The name of a fresh database, dropped after the tests of this describe. */
  database(prefix?: string): Promise<string>
}

const given = (flavour: Flavour): string | undefined =>
  process.env[flavour === 'mysql' ? 'MILLRACE_MYSQL_URL' : 'MILLRACE_MARIADB_URL']

/** The tests once for each server. Skipped, with the line that installs it, where one is absent. */
export function describeServers(name: string, flavours: readonly Flavour[], tests: (server: TestServer) => void): void {
  for (const flavour of flavours)
    describeService(`${name} (${flavour})`, flavour, isInstalled(flavour) || given(flavour) !== undefined, () =>
      tests(useSharedServer(flavour)),
    )
}

/** Tests that start servers of their own, with startServer. */
export function describePrivateServers(
  name: string,
  flavours: readonly Flavour[],
  tests: (flavour: Flavour) => void,
): void {
  for (const flavour of flavours)
    describeService(`${name} (${flavour})`, flavour, isInstalled(flavour), () => tests(flavour))
}

/** A private server, for tests that stop it, kill it or need settings of their own. Stop it in the test; the run's end does too. */
export function startServer(flavour: Flavour, options: ServerOptions = {}): Promise<MysqlProcess> {
  return MysqlProcess.create(flavour, inject('servicesFolder'), options)
}

function useSharedServer(flavour: Flavour): TestServer {
  let base = ''
  const connections: MysqlConnection[] = []
  const databases: string[] = []
  beforeAll(async () => {
    // It is never killed: no commit needs to wait for the disk.
    const start = async (run: string): Promise<string> =>
      (await MysqlProcess.create(flavour, run, { durability: 'relaxed' })).url()
    base = given(flavour) ?? (await sharedAddress(flavour, start))
  })
  afterAll(async () => {
    for (const connection of connections) connection.close()
    if (databases.length === 0) return
    const connection = await connectTo(base)
    for (const database of databases) await connection.run(`DROP DATABASE IF EXISTS ${quoteName(database)}`)
    connection.close()
  })
  const url = (database = ''): string => new URL(`/${encodeURIComponent(database)}`, base).href
  const connection = async (database?: string): Promise<MysqlConnection> => {
    const opened = await connectTo(url(database))
    connections.push(opened)
    return opened
  }
  const database = async (prefix = 'test'): Promise<string> => {
    const name = `${prefix}_${randomBytes(5).toString('hex')}`
    databases.push(name)
    const session = await connectTo(base)
    await session.run(`CREATE DATABASE ${quoteName(name)}`)
    session.close()
    return name
  }
  return { flavour, url, connection, database }
}
