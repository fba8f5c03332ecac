// What tests of mysql-to-mysql beside servers of their own share: the servers, the tables, and the job.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, expect } from 'vitest'
import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import { difference } from '../support/mysql-digest.ts'
import { connectTo, type Flavour, type ServerProcess, startServer } from '../support/mysql-servers.ts'
import { type BinProcess, type ProcessOptions, startBin } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/mysql-to-mysql.ts', import.meta.url))

/** One server that tests copy to, one that they copy from, and what they start beside. Made in a describe; stopped after its tests. */
export class Beside {
  readonly #flavour: Flavour
  readonly #servers: ServerProcess[] = []
  readonly #sessions: MysqlConnection[] = []
  #shared: ServerProcess | undefined
  #target: ServerProcess | undefined
  #folder = ''
  #copies = 0

  constructor(flavour: Flavour) {
    this.#flavour = flavour
    beforeEach(async () => {
      this.#folder = await mkdtemp(join(tmpdir(), 'mysql-beside-'))
    })
    afterEach(async () => {
      for (const session of this.#sessions.splice(0)) session.close()
      await rm(this.#folder, { recursive: true })
    })
    afterAll(() => Promise.all(this.#servers.map((server) => server.dispose())))
  }

  get target(): ServerProcess {
    if (this.#target === undefined) throw new Error('setUp() first')
    return this.#target
  }

  /** A source with a table of some rows, and a database to copy it to. `own`: a server of the test's own, which it may leave dead. */
  async setUp({ own = false } = {}): Promise<{ source: ServerProcess; to: string }> {
    const [source, target] = await Promise.all([
      own || this.#shared === undefined ? this.server() : this.#shared,
      this.#target ?? this.server(),
    ])
    if (!own) this.#shared = source
    this.#target = target
    const session = await this.connect(source)
    await session.run('DROP DATABASE IF EXISTS shop; CREATE DATABASE shop')
    await session.run('CREATE TABLE shop.t (id INT PRIMARY KEY, v INT NOT NULL, a VARCHAR(40))')
    await session.run(`INSERT INTO shop.t VALUES ${values(1, 500)}`)
    await session.run('CREATE TABLE shop.keyless (n INT, v INT)')
    await session.run('INSERT INTO shop.keyless VALUES (1, 1), (1, 1), (2, 2)')
    this.#copies += 1
    const to = `copy_${this.#copies}`
    const there = await this.connect(target)
    await there.run(`CREATE DATABASE ${to}`)
    return { source, to }
  }

  async server(options: readonly string[] = []): Promise<ServerProcess> {
    const server = await startServer(this.#flavour, { options })
    this.#servers.push(server)
    return server
  }

  async connect(server: ServerProcess): Promise<MysqlConnection> {
    const session = await connectTo(server.url())
    this.#sessions.push(session)
    return session
  }

  start(source: ServerProcess, to: string, args: readonly string[] = [], options?: ProcessOptions): BinProcess {
    const settings = [`from=${source.url()}`, `to=${this.target.url(to)}`, 'tables=shop.*']
    return startBin(
      'run-job',
      [
        JOB,
        ...settings.flatMap((pair) => ['--set', pair]),
        ...['--data-dir', join(this.#folder, 'data'), '--checkpoint-interval', '100ms', '--parallelism', '2'],
        ...['--restart', 'fixed-delay', '--restart-attempts', '100', '--restart-delay', '200ms'],
        ...args,
      ],
      options,
    )
  }

  /** Lets it catch up and end. */
  async finish(source: ServerProcess, to: string): Promise<void> {
    const { code, stderr } = await this.start(source, to, ['--batch']).result
    expect(code, stderr).toBe(0)
    expect(await this.differs(source, to)).toBe('')
  }

  async differs(source: ServerProcess, to: string): Promise<string> {
    return difference(
      { session: await this.connect(source), database: 'shop' },
      { session: await this.connect(this.target), database: to },
    )
  }

  async caughtUp(source: ServerProcess, to: string, job: BinProcess): Promise<void> {
    let ended = false
    job.result.then(
      () => (ended = true),
      () => (ended = true),
    )
    while (!ended && (await this.differs(source, to)) !== '') await new Promise((resolve) => setTimeout(resolve, 100))
    expect(ended, 'the job ended by itself').toBe(false)
  }

  async kill({ child, result }: BinProcess): Promise<void> {
    child.kill('SIGKILL')
    expect((await result).signal).toBe('SIGKILL')
  }
}

/** Other columns under the names of those that were there, whose values are seen in no row. */
export const AGAIN = [
  "ALTER TABLE shop.t DROP COLUMN a, ADD COLUMN a VARCHAR(40) DEFAULT 'anew'",
  'ALTER TABLE shop.keyless DROP COLUMN v',
  'ALTER TABLE shop.keyless ADD COLUMN v INT DEFAULT 4',
]

/** Rows of shop.t, to be inserted. */
export const values = (first: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `(${first + index}, ${index}, 'row ${index}')`).join(',')
