// FaultProxy: a TCP proxy that breaks connections the way networks do, for tests.
//
// Owns: its listening socket and both sockets of every connection.
//
// I1. Without a fault every byte passes, once and in order, both ways; each side's end and reset become the other's.
// I2. Faults on bytes count those that the server sends, for each connection from its first byte on.

import { connect, createServer, type Server, type Socket } from 'node:net'

/** What happens to connections; each field by itself. Changes hold for connections that are open, too. */
export interface Faults {
  /** Nothing passes any more, and nobody is told: what comes is thrown away. */
  readonly halfOpen?: boolean
  /** Every chunk comes that much later. */
  readonly delayMs?: number
  /** Both sides are reset behind so many bytes from the server. */
  readonly resetAfterBytes?: number
  /** The lowest bit of this byte from the server (from 0) is flipped. */
  readonly flipBitAt?: number
  /** New connections are closed at once. */
  readonly refuse?: boolean
}

/** What is on its way in one direction, in order. */
interface Lane {
  readonly from: Socket
  readonly to: Socket
  readonly waiting: { readonly dueMs: number; readonly action: () => void }[]
  timer: NodeJS.Timeout | undefined
}

/** One connection through the proxy. */
interface Link {
  readonly client: Socket
  readonly server: Socket
  /** Bytes that came from the server. */
  received: number
}

export class FaultProxy {
  readonly #server: Server
  readonly #links = new Set<Link>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #faults: Faults = {}
  #accepted = 0

  private constructor(server: Server) {
    this.#server = server
  }

  /** Listens on a free port of 127.0.0.1 and passes all on to the port given. */
  static async to(port: number): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true })
    const proxy = new FaultProxy(server)
    server.on('connection', (client) => proxy.#accept(client, port))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Connections there were. */
  get accepted(): number {
    return this.#accepted
  }

  /** Connections there are. */
  get open(): number {
    return [...this.#links].filter(({ client }) => !client.destroyed).length
  }

  /** Bytes that each open connection got from the server. */
  get received(): readonly number[] {
    return [...this.#links].map((link) => link.received)
  }

  /** Replaces all faults; without any, all is well. */
  set(faults: Faults = {}): void {
    this.#faults = faults
  }

  /** Resets every connection. */
  cut(): void {
    for (const link of this.#links) reset(link)
  }

  /** Ends every connection as a process does that exits in order. */
  drop(): void {
    for (const { client, server } of this.#links) {
      client.end()
      server.end()
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket, port: number): void {
    this.#accepted += 1
    if (this.#faults.refuse === true) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    client.setNoDelay(true)
    const link: Link = { client, server, received: 0 }
    this.#links.add(link)
    this.#pass(lane(client, server), link, (chunk) => chunk)
    this.#pass(lane(server, client), link, (chunk) => this.#spoiled(link, chunk))
  }

  #pass(way: Lane, link: Link, change: (chunk: Buffer) => Buffer): void {
    const { from, to } = way
    from.on('data', (chunk: Buffer) => {
      if (this.#faults.halfOpen === true) return
      const changed = change(chunk)
      this.#send(way, () => {
        if (!to.destroyed && !to.write(changed)) from.pause()
      })
    })
    to.on('drain', () => from.resume())
    from.on('end', () => this.#send(way, () => to.end()))
    from.on('error', () => {
      if (this.#faults.halfOpen !== true) reset(link)
    })
    from.on('close', () => {
      this.#send(way, () => to.destroySoon())
      if (to.destroyed) this.#links.delete(link)
    })
  }

  /** Now, or later by the delay; never before what was sent earlier. */
  #send(way: Lane, action: () => void): void {
    const { delayMs = 0, halfOpen } = this.#faults
    if (halfOpen === true) return
    way.waiting.push({ dueMs: performance.now() + delayMs, action })
    if (way.timer === undefined) this.#deliver(way)
  }

  #deliver(way: Lane): void {
    way.timer = undefined
    for (let next = way.waiting[0]; next !== undefined; next = way.waiting[0]) {
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        const timer = setTimeout(() => {
          this.#timers.delete(timer)
          this.#deliver(way)
        }, waitMs)
        this.#timers.add(timer)
        way.timer = timer
        return
      }
      way.waiting.shift()
      next.action()
    }
  }

  #spoiled(link: Link, chunk: Buffer): Buffer {
    const { resetAfterBytes, flipBitAt } = this.#faults
    const begin = link.received
    link.received += chunk.length
    if (flipBitAt !== undefined && flipBitAt >= begin && flipBitAt < link.received) {
      const spoiled = Buffer.from(chunk)
      spoiled.writeUInt8(spoiled.readUInt8(flipBitAt - begin) ^ 1, flipBitAt - begin)
      return spoiled
    }
    if (resetAfterBytes === undefined || link.received < resetAfterBytes) return chunk
    setImmediate(() => reset(link))
    return chunk.subarray(0, resetAfterBytes - begin)
  }
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy()
  server.resetAndDestroy()
}

function lane(from: Socket, to: Socket): Lane {
  return { from, to, waiting: [], timer: undefined }
}
