// Servers started by our own scripts (test/services) in a folder of this test run.
//
// Owns: the folders below the run's, and the servers in them.
// Does not own: the run's folder (services-setup.ts makes it, and stops what was left running in it).
//
// I1. A server of one run shares no folder and no port with one of another run.

import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Each has a script of that name in test/services. */
export type Service = 'mysql' | 'mariadb' | 'kafka'

/** Where the scripts install; the same rule as in test/services/common.sh. */
export function servicesCache(): string {
  const cache = process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache')
  return process.env.MILLRACE_SERVICES ?? join(cache, 'millrace/services')
}

/** How an instance is set up. */
export interface ProcessOptions {
  /** Options of the server, as its script's EXTRA takes them. */
  readonly options?: readonly string[]
  /** More variables of its script. */
  readonly env?: Readonly<Record<string, string>>
}

/** One server process, which tests may stop, kill and start again. */
export class ServerProcess {
  readonly port: number
  readonly folder: string
  readonly #service: Service
  readonly #options: ProcessOptions

  constructor(service: Service, folder: string, port: number, options: ProcessOptions) {
    this.port = port
    this.folder = folder
    this.#service = service
    this.#options = options
  }

  /** Starts it (again), on its port and its data; `options` replace those it was created with. */
  async start(options = this.#options.options ?? []): Promise<void> {
    await runService(this.#service, ['start', this.folder, String(this.port)], {
      ...this.#options.env,
      EXTRA: options.join('\n'),
    })
  }

  /** In order: everything is on disk, clients are told. */
  async stop(): Promise<void> {
    await runService(this.#service, ['stop', this.folder])
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    const pid = this.#pid
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** For good: it is killed if it runs, and its folder removed. */
  async dispose(): Promise<void> {
    if (existsSync(this.#pidFile) && isAlive(this.#pid)) await this.kill()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
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

  get #pidFile(): string {
    return join(this.folder, 'server.pid')
  }

  get #pid(): number {
    return Number(readFileSync(this.#pidFile, 'utf8'))
  }
}

/** A fresh server below the run's folder, started. `ports`: how many it takes, from the one given on. */
export async function createServerProcess<S extends ServerProcess>(
  runFolder: string,
  name: string,
  ports: number,
  make: (folder: string, port: number) => S | Promise<S>,
): Promise<S> {
  for (let attempt = 1; ; attempt++) {
    const server = await make(await mkdtemp(join(runFolder, `${name}-`)), await freePorts(ports))
    try {
      await server.start()
      return server
    } catch (error) {
      if (attempt === 3) throw error // else: somebody may have taken the port
    }
  }
}

/** Runs test/services/<service>.sh; what it writes to its standard output. */
export async function runService(
  service: Service,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const script = fileURLToPath(new URL(`../services/${service}.sh`, import.meta.url))
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
  return (await promisify(execFile)(script, args, options)).stdout
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * So many ports in a row that nobody listens at, outside the range that the system gives to clients; the first of them. Nobody else is given
 * them before this process ends: a server may begin to listen late, and be away for a while.
 */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const ports = Array.from({ length: count }, (_, index) => port + index)
    const free = await Promise.all(ports.map(async (one) => (await isFree(one)) && (await reserve(one))))
    if (free.every(Boolean)) return port
  }
}

/** Takes the UDP port of the same number, which no server here wants: the system gives it to one process, and back when that ends. */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const mark = createSocket('udp4').unref()
    mark.once('error', () => resolve(false)).bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(true))
  })
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
