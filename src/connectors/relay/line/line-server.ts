// LineServer: listens for senders and makes lines of those that may connect.
//
// Owns: the listening socket, connections whose handshake is not over, and the lines, until they end.
// Does not own: which senders and sessions are let in (greet), what lines carry (receive/).
//
// I1. There are connectionsMax connections at most; more are closed before anything is read of them.
// I2. A connection has handshakeTimeoutMs from its beginning to its Hello, over TLS and all; then it is closed.
// I3. Without TLS both addresses of a connection are this machine's.

import { type AddressInfo, createServer as createPlain, type Server, type Socket } from 'node:net'
import { createServer as createTls, TLSSocket, Server as TlsServer } from 'node:tls'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Hello, Refuse, Welcome } from '../wire/messages.ts'
import { formatAddress, isLoopback, type RelayAddress } from './address.ts'
import { commonName } from './common-name.ts'
import { listenCredentials, type PskIdentities } from './credentials.ts'
import { FrameSocket } from './frame-socket.ts'
import { HANDSHAKE_FRAME_BYTES_MAX, helloFault, WIRE_VERSION } from './handshake.ts'
import { Line, type LinePeer } from './line.ts'
import { checkSecurity, type ListenOptions } from './options.ts'
import { explained, socketReason } from './socket-reason.ts'

const HANDSHAKE_TIMEOUT_MS = 5000
/** How often certificates are read again, which others renew. */
const RENEWAL_MS = 60_000
/** Refusals that are told in so many milliseconds, at most. */
const TOLD_MAX = 10
const TOLD_WINDOW_MS = 10_000

/** Says who is let in. A rejection is told as BUSY. */
export type Greet = (hello: Hello, peer: LinePeer) => Welcome | Refuse | Promise<Welcome | Refuse>

/** What a server needs of the world, and whom it tells. */
export interface ServerTools {
  readonly clock: Clock
  /** A new line; its onFrame must be set before the call returns. */
  readonly onLine: (line: Line, hello: Hello) => void
  /** A connection that became no line, or certificates that cannot be read again, and why; of a flood the first ten each ten seconds. */
  readonly onRefused?: (address: string, reason: string) => void
}

/** A connection whose handshake is not over. */
interface Pending {
  readonly socket: Socket
  readonly cancelTimeout: () => void
}

export class LineServer {
  readonly #server: Server
  readonly #options: ListenOptions
  readonly #greet: Greet
  readonly #tools: ServerTools
  readonly #identities: PskIdentities = new WeakMap()
  /** By the address of the other end, which TLS and the socket below it share. */
  readonly #pending = new Map<string, Pending>()
  readonly #lines = new Set<Line>()
  #connections = 0
  #cancelRenewal: (() => void) | undefined
  /** Refusals that were to be told in the window that ends then. */
  #told = 0
  #windowEnd = 0

  private constructor(options: ListenOptions, greet: Greet, tools: ServerTools) {
    this.#options = options
    this.#greet = greet
    this.#tools = tools
    const credentials = listenCredentials(options, this.#identities)
    this.#server =
      credentials === undefined
        ? createPlain({ noDelay: true }, (socket) => this.#secured(socket))
        : createTls({ ...credentials, noDelay: true }, (socket) => this.#secured(socket))
    this.#server.prependListener('connection', (socket: Socket) => this.#accepted(socket))
    this.#server.maxConnections = options.connectionsMax
    this.#server.on('drop', () => this.#refused('', `there are ${options.connectionsMax} connections already`))
    this.#server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
      this.#refused(addressOf(socket), this.#handshakeFault(error, socket)),
    )
  }

  /** Listens; port 0 is any that is free. Throws CONNECTOR_OPTION, IO. */
  static async listen(options: ListenOptions, greet: Greet, tools: ServerTools): Promise<LineServer> {
    checkSecurity(options, 'listen', options.connector)
    const made = new LineServer(options, greet, tools)
    const { host, port } = options
    await new Promise<void>((resolve, reject) => {
      made.#server.on('error', (error) =>
        reject(
          new MillraceError(
            'IO',
            { action: 'listen on', path: formatAddress(options), reason: reasonOf(error) },
            error,
          ),
        ),
      )
      made.#server.listen({ host, port }, resolve)
    })
    if (options.tls !== undefined) made.#renewLater()
    return made
  }

  get address(): RelayAddress {
    const { address, port } = this.#server.address() as AddressInfo
    return { host: address, port }
  }

  /** Connections, those not let in yet counted too. */
  get connections(): number {
    return this.#connections
  }

  /** Ends every line and connection, and listens no more. */
  async close(): Promise<void> {
    this.#cancelRenewal?.()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const { socket } of this.#pending.values()) socket.destroy()
    for (const line of this.#lines) line.close('', 'the receiver stops')
    await closed
  }

  #renewLater(): void {
    this.#cancelRenewal = this.#tools.clock.schedule(RENEWAL_MS, () => {
      try {
        const credentials = listenCredentials(this.#options, this.#identities)
        if (this.#server instanceof TlsServer && credentials !== undefined) this.#server.setSecureContext(credentials)
      } catch (error) {
        // Those from before are as good as they were.
        this.#refused(formatAddress(this.address), reasonOf(error))
      }
      this.#renewLater()
    })
  }

  #accepted(socket: Socket): void {
    this.#connections += 1
    socket.on('error', () => socket.destroy())
    const key = addressOf(socket)
    const timeoutMs = this.#options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
    const cancelTimeout = this.#tools.clock.schedule(timeoutMs, () => {
      this.#settled(key)
      this.#refused(key, `no hello within ${timeoutMs} ms`)
      socket.destroy()
    })
    this.#pending.set(key, { socket, cancelTimeout })
    socket.on('close', () => {
      this.#connections -= 1
      cancelTimeout()
      if (this.#pending.get(key)?.socket === socket) this.#pending.delete(key)
    })
  }

  #settled(key: string): void {
    this.#pending.get(key)?.cancelTimeout()
    this.#pending.delete(key)
  }

  /** The other end has proved who it is, as far as it must. */
  #secured(socket: Socket): void {
    const identity = this.#identityOf(socket)
    if (identity === undefined) {
      this.#refused(addressOf(socket), 'it has not proved who it is')
      socket.destroy()
      return
    }
    const peer = { identity, address: addressOf(socket) }
    const frames = new FrameSocket(socket, HANDSHAKE_FRAME_BYTES_MAX, this.#tools.clock)
    void frames.closed.then(({ reason }) => {
      if (this.#pending.has(peer.address)) this.#refused(peer.address, reason)
    })
    let greeting = false
    frames.onFrame = ({ message }) => {
      if (message.kind !== 'hello' || greeting) return this.#turnAway(frames, peer, 'PROTOCOL', `sent ${message.kind}`)
      greeting = true
      // It is known now; how long the answer takes is the owner's matter, and how long it waits its own.
      this.#pending.get(peer.address)?.cancelTimeout()
      this.#greeted(frames, peer, message).catch((error: unknown) => frames.close('BUSY', reasonOf(error)))
    }
  }

  async #greeted(frames: FrameSocket, peer: LinePeer, hello: Hello): Promise<void> {
    if (hello.version !== WIRE_VERSION) {
      const reason = `this end speaks version ${WIRE_VERSION} of the wire, not ${hello.version}`
      return this.#turnAway(frames, peer, 'VERSION', reason)
    }
    const fault = helloFault(hello)
    if (fault !== undefined) return this.#turnAway(frames, peer, 'PROTOCOL', fault)
    let answer: Welcome | Refuse
    try {
      answer = await this.#greet(hello, peer)
    } catch (error) {
      answer = { kind: 'refuse', code: 'BUSY', reason: reasonOf(error) }
    }
    if (answer.kind === 'refuse') return this.#turnAway(frames, peer, answer.code, answer.reason)
    // It may be gone meanwhile.
    if (!this.#pending.has(peer.address)) return
    this.#settled(peer.address)
    frames.frameBytesMax = answer.frameBytesMax
    frames.send(answer)
    const line = new Line(frames, peer, hello, answer, this.#tools.clock)
    this.#lines.add(line)
    void line.closed.then(() => this.#lines.delete(line))
    this.#tools.onLine(line, hello)
  }

  #turnAway(frames: FrameSocket, { address }: LinePeer, code: string, reason: string): void {
    this.#settled(address)
    this.#refused(address, reason)
    frames.close(code, reason, { kind: 'refuse', code, reason: reason.slice(0, 300) })
  }

  /** Of a certificate that is refused, Node says no more than that the socket was closed. */
  #handshakeFault(error: Error, { authorizationError }: TLSSocket): string {
    const refused = authorizationError as unknown
    if (refused) return `its certificate is refused: ${refused instanceof Error ? refused.message : String(refused)}`
    return explained(socketReason(error), this.#options.psk === undefined ? 'tls' : 'psk')
  }

  #identityOf(socket: Socket): string | undefined {
    if (!(socket instanceof TLSSocket))
      return isLoopback(socket.remoteAddress) && isLoopback(socket.localAddress) ? 'loopback' : undefined
    return this.#options.psk === undefined ? commonName(socket) : this.#identities.get(socket)
  }

  /** Tells of some only: anyone can connect, and be refused, as often as he likes. */
  #refused(address: string, reason: string): void {
    const now = this.#tools.clock.monotonic()
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + TOLD_WINDOW_MS
      this.#told = 0
    }
    this.#told += 1
    if (this.#told <= TOLD_MAX) this.#tools.onRefused?.(address, reason)
  }
}

function addressOf(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket
  return host === undefined || port === undefined ? 'an end that is gone' : formatAddress({ host, port })
}
