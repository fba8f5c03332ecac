// TcpProxy: a line of its own between two processes: so wide, or down.
//
// Owns: its listening socket and both sockets of every connection.
//
// I1. Every byte passes once and in order, both ways, unless the line is cut.
// I2. In any second at most `bytesPerSecond` pass in each direction, over all connections, and a hundredth more.

import { connect, createServer, type Server, type Socket } from 'node:net'

/** How much may pass at once where there is a limit: in seconds of it. */
const BURST_SECONDS = 0.01

export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #lanes = [new Bucket(), new Bucket()] as const
  #isDown = false
  /** Is shown all that passes, from clients (up) and to them. */
  tap: (chunk: Buffer, up: boolean) => void = () => undefined

  private constructor(server: Server, to: number) {
    this.#server = server
    this.port = (server.address() as { readonly port: number }).port
    server.on('connection', (client) => this.#accept(client, to))
  }

  /** Listens on a free port of 127.0.0.1 and passes all on to the port given. */
  static async to(port: number): Promise<TcpProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new TcpProxy(server, port)
  }

  /** Infinity: no limit. */
  set bytesPerSecond(limit: number) {
    for (const lane of this.#lanes) lane.limit = limit
  }

  /** Resets every connection, and each new one until healed. */
  cut(): void {
    this.#isDown = true
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  heal(): void {
    this.#isDown = false
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket, port: number): void {
    if (this.#isDown) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ port, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    this.#pass(client, server, true)
    this.#pass(server, client, false)
  }

  #pass(from: Socket, to: Socket, up: boolean): void {
    const bucket = this.#lanes[up ? 0 : 1]
    this.#sockets.add(from)
    let isWaiting = false
    const pass = (chunk: Buffer): void => {
      isWaiting = false
      if (to.destroyed || to.write(chunk)) from.resume()
      else from.pause()
    }
    from.on('data', (chunk: Buffer) => {
      this.tap(chunk, up)
      const waitMs = bucket.take(chunk.length)
      if (waitMs < 1) return pass(chunk)
      isWaiting = true
      from.pause()
      setTimeout(pass, waitMs, chunk)
    })
    to.on('drain', () => {
      if (!isWaiting) from.resume()
    })
    from.on('end', () => to.end())
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroySoon()
    })
  }
}

/** Token bucket: what is taken is due when the bytes before it have passed. */
class Bucket {
  limit = Number.POSITIVE_INFINITY
  /** When all that was taken has passed, ms. */
  #freeAtMs = 0

  /** How long these bytes have to wait. */
  take(bytes: number): number {
    const nowMs = performance.now()
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - BURST_SECONDS * 1_000) + (bytes / this.limit) * 1_000
    return Math.max(0, this.#freeAtMs - nowMs)
  }
}
