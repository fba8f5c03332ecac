// Agents of two sites, as processes of the built bin, and the line between them, which stays where it is while agents come and go.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BinProcess, type ProcessOptions, type ProcessResult, startBin } from './run-job.ts'

/** A port that leads to wherever the receiver listens now. */
export class Crossing {
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #receiverPort = 0
  #isCut = false

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<Crossing> {
    const server = createServer()
    const crossing = new Crossing(server)
    server.on('connection', (from) => {
      if (crossing.#isCut) return from.destroy()
      const to = connect(crossing.#receiverPort, '127.0.0.1')
      from.pipe(to)
      to.pipe(from)
      for (const socket of [from, to]) {
        crossing.#open.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          crossing.#open.delete(socket)
          from.destroy()
          to.destroy()
        })
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return crossing
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Waits until this process says where it listens; the port then leads there. */
  async leadTo(receiver: BinProcess): Promise<void> {
    let told = ''
    receiver.child.stderr?.on('data', (text: string) => (told += text))
    await receiver.seen(LISTENS)
    this.#receiverPort = Number(LISTENS.exec(told)?.[1])
  }

  /** Nothing goes through any more. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#open) socket.destroy()
  }

  mend(): void {
    this.#isCut = false
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

const LISTENS = /listens for senders[^\n]*?127\.0\.0\.1:(\d+)/

/** What an agent's file says, but for where the line is. */
export interface AgentFile {
  readonly end: Readonly<Record<string, unknown>>
  readonly relay?: Readonly<Record<string, unknown>>
  readonly handlers?: readonly unknown[]
}

/** A folder with two sites in it. Ends what it started when it is closed. */
export class RelayAgents {
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-relay-'))
  readonly line: Crossing
  readonly #running = new Set<BinProcess>()

  private constructor(crossing: Crossing) {
    this.line = crossing
  }

  static async open(): Promise<RelayAgents> {
    return new RelayAgents(await Crossing.open())
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts)
  }

  /** Where senders connect to. */
  get address(): string {
    return `127.0.0.1:${this.line.port}`
  }

  /** A sending agent at site `east`. */
  send({ end, relay = {}, handlers = [] }: AgentFile, options?: AgentOptions): BinProcess {
    const to = { relay: { site: 'east', targets: this.address, ...relay } }
    return this.#start('send', { name: 'out', from: end, handlers, to }, options)
  }

  /** A receiving agent at site `west`. Resolves once it listens. */
  async receive({ end, relay = {}, handlers = [] }: AgentFile, options?: AgentOptions): Promise<BinProcess> {
    const from = { relay: { site: 'west', listen: '127.0.0.1:0', ...relay } }
    const bin = this.#start('receive', { name: 'in', from, handlers, to: end }, options)
    await this.line.leadTo(bin)
    return bin
  }

  /** Ends everything and takes the folder away. */
  async close(): Promise<void> {
    for (const bin of this.#running) bin.signal('SIGKILL')
    await Promise.all([...this.#running].map(({ result }) => result))
    this.line.close()
    rmSync(this.folder, { recursive: true })
  }

  #start(direction: string, file: object, { args = [], ...options }: AgentOptions = {}): BinProcess {
    const config = this.path(`${direction}.json`)
    writeFileSync(config, JSON.stringify({ ...file, checkpoint: { intervalMs: 100 } }))
    mkdirSync(this.path('data', direction), { recursive: true })
    const flags = ['--config', config, '--data-dir', this.path('data', direction), '--json', '--restart-delay', '50ms']
    const bin = startBin('millrace', ['relay', direction, ...flags, ...args], { cwd: this.folder, ...options })
    this.#running.add(bin)
    const forget = (): void => void this.#running.delete(bin)
    bin.result.then(forget, forget)
    return bin
  }
}

export interface AgentOptions extends ProcessOptions {
  readonly args?: readonly string[]
}

/** Ends an agent as a person does; answers what it said. */
export async function stop(bin: BinProcess): Promise<ProcessResult> {
  bin.signal('SIGTERM')
  return await bin.result
}
