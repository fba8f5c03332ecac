// Real MySQL and MariaDB servers for tests: one of each for a whole run, started when the first test needs it, and private ones.
// MILLRACE_MYSQL_URL, MILLRACE_MARIADB_URL (an account with all rights): servers of your own instead of the shared ones.

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { type MysqlConnection, quoteName } from '../../src/connectors/mysql/connection.ts'
import { connectTo, type Flavour, isInstalled, type ServerOptions, ServerProcess } from './server-process.ts'
import './services-setup.ts'

export type { Flavour, ServerOptions, ServerProcess }
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

const required = process.env.MILLRACE_REQUIRE_SERVICES === '1'

/** Whether tests on this server can run here; in CI they must. */
const isAvailable = (flavour: Flavour, isPrivate: boolean): boolean =>
  required || isInstalled(flavour) || (!isPrivate && given(flavour) !== undefined)

/** The tests once for each server. Skipped, with the line that installs it, where one is absent. */
export function describeServers(name: string, flavours: readonly Flavour[], tests: (server: TestServer) => void): void {
  for (const flavour of flavours)
    describeAvailable(`${name} (${flavour})`, flavour, false, () => tests(useSharedServer(flavour)))
}

/** Tests that start servers of their own, with startServer. */
export function describePrivateServers(
  name: string,
  flavours: readonly Flavour[],
  tests: (flavour: Flavour) => void,
): void {
  for (const flavour of flavours) describeAvailable(`${name} (${flavour})`, flavour, true, () => tests(flavour))
}

function describeAvailable(name: string, flavour: Flavour, isPrivate: boolean, tests: () => void): void {
  if (isAvailable(flavour, isPrivate)) describe(name, tests)
  // skip: the server is not installed; the name says how to
  else describe.skip(`${name}: npm run service:${flavour} -- install`, tests)
}

/** A private server, for tests that stop it, kill it or need settings of their own. Stop it in the test; the run's end does too. */
export function startServer(flavour: Flavour, options: ServerOptions = {}): Promise<ServerProcess> {
  return ServerProcess.create(flavour, inject('servicesFolder'), options)
}

function useSharedServer(flavour: Flavour): TestServer {
  let base = ''
  const connections: MysqlConnection[] = []
  const databases: string[] = []
  beforeAll(async () => {
    base = given(flavour) ?? (await sharedUrl(flavour))
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

/** The run's one server of this flavour. Whoever makes the folder starts it; the others wait for its address, or why it failed. */
async function sharedUrl(flavour: Flavour): Promise<string> {
  const run = inject('servicesFolder')
  const file = join(run, 'shared', `${flavour}.json`)
  try {
    await mkdir(join(run, 'shared', flavour))
  } catch {
    return await publishedUrl(file)
  }
  const outcome = await ServerProcess.create(flavour, run).then(
    (server) => ({ url: server.url() }),
    (error: Error) => ({ error: error.message }),
  )
  await writeFile(`${file}.new`, JSON.stringify(outcome))
  await rename(`${file}.new`, file)
  return await publishedUrl(file)
}

async function publishedUrl(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) {
      const { url, error } = JSON.parse(text) as { url?: string; error?: string }
      if (url === undefined) throw new Error(`the server did not start: ${error}`)
      return url
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
