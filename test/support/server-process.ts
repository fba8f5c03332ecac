// Servers started by our own scripts (test/services) in a folder of this test run.
//
// Owns: the folders below the run's, and the servers in them.
// Does not own: the run's folder (services-setup.ts makes it, and stops what was left running in it).
//
// I1. A server of one run shares no folder and no port with one of another run.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { MysqlConnection, parseConnectionOptions } from '../../src/connectors/mysql/connection.ts'

export type Flavour = 'mysql' | 'mariadb'

const script = (flavour: Flavour): string => fileURLToPath(new URL(`../services/${flavour}.sh`, import.meta.url))

/** Whether test/services/<flavour>.sh has installed the server; the same rules as there. */
export function isInstalled(flavour: Flavour): boolean {
  if (flavour === 'mariadb')
    return `${process.env.PATH}${delimiter}/usr/sbin`
      .split(delimiter)
      .some((folder) => existsSync(join(folder, 'mariadbd')))
  const cache = process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache')
  const services = process.env.MILLRACE_SERVICES ?? join(cache, 'millrace/services')
  return existsSync(join(process.env.MYSQL_ROOT ?? join(services, 'mysql-root'), 'usr/sbin/mysqld'))
}

/** How an instance is set up. */
export interface ServerOptions {
  /** Options of the server, e.g. `--binlog-row-image=MINIMAL`. */
  readonly options?: readonly string[]
  /** Default: the server's own; relaxed: no commit waits for the disk. */
  readonly durability?: 'default' | 'relaxed' | 'strict'
  /** Of InnoDB's pages, default 64M. */
  readonly buffer?: string
}

/** One server process, which tests may stop, kill and start again. */
export class ServerProcess {
  readonly flavour: Flavour
  readonly port: number
  readonly #folder: string
  readonly #options: ServerOptions

  private constructor(flavour: Flavour, folder: string, port: number, options: ServerOptions) {
    this.flavour = flavour
    this.port = port
    this.#folder = folder
    this.#options = options
  }

  /** A fresh server below the run's folder. */
  static async create(flavour: Flavour, runFolder: string, options: ServerOptions = {}): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt++) {
      const folder = await mkdtemp(join(runFolder, `${flavour}-`))
      const server = new ServerProcess(flavour, folder, await freePort(), options)
      try {
        await server.start()
        return server
      } catch (error) {
        if (attempt === 3) throw error // else: somebody may have taken the port
      }
    }
  }

  url(database = ''): string {
    return serverUrl(this.port, database)
  }

  /** Starts it (again), on its port and its data; `options` replace those it was created with. */
  async start(options = this.#options.options ?? []): Promise<void> {
    await this.#script(['start', this.#folder, String(this.port)], {
      BUFFER: this.#options.buffer ?? '64M',
      REDO: '64M',
      DURABILITY: this.#options.durability ?? 'default',
      EXTRA: options.join(' '),
    })
  }

  /** In order: everything is on disk, clients are told. */
  async stop(): Promise<void> {
    await this.#script(['stop', this.#folder])
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const pid = this.#pid
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async restart(options?: readonly string[]): Promise<void> {
    await this.stop()
    await this.start(options)
  }

  /** SIGSTOP: it neither answers nor goes away, until resumed. */
  pause(): void {
    process.kill(this.#pid, 'SIGSTOP')
  }

  resume(): void {
    process.kill(this.#pid, 'SIGCONT')
  }

  get #pid(): number {
    return Number(readFileSync(join(this.#folder, 'server.pid'), 'utf8'))
  }

  async #script(args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    await promisify(execFile)(script(this.flavour), args, { env: { ...process.env, ...env } })
  }
}

/** A session; the caller closes it. */
export function connectTo(url: string): Promise<MysqlConnection> {
  return MysqlConnection.open(parseConnectionOptions({ url }, 'test'), { multipleStatements: true })
}

export function serverUrl(port: number, database: string): string {
  return `mysql://millrace:millrace@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** A port that nobody listens at, outside the range that the system gives to clients. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer().once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}
