// One connection to one broker. kafkajs carries the bytes: the socket, TLS, SASL, frames, which answer is whose, and the wait that a
// broker asks for (KIP-219). Requests and answers are encoded and decoded here.
//
// Owns: its socket, and the requests on their way in it.
// Does not own: which connection a request is for, and whether it is sent again (BrokerNode, KafkaClient).
//
// I1. A connection is lost once: all that was on its way fails then, and it is never used again. kafkajs's own would go on after a
//     timed-out request, with answers that match nothing.
// I2. Without SASL's renewal, requests are written in the order of the calls to send().

import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { reasonOf } from '../../../errors.ts'
import type { BrokerAddress, ConnectionSettings } from '../connection.ts'
import { API_VERSIONS_KEY, type KafkaApi } from './api.ts'
import { apiVersions, type VersionRange } from './apis/api-versions.ts'
import { closedFailure, connectionFailure, failureOf, KafkaFailure, timeoutFailure } from './failure.ts'
import { type KafkajsSocket, kafkajsSocket } from './kafkajs.ts'
import { kafkajsSasl, saslFailure } from './sasl.ts'
import { WireReader, WireWriter } from './wire.ts'

const KEEP_ALIVE_MS = 60_000
/** How long before its end a session is renewed, and how long of its lifetime at most. */
const RENEWAL_MS = 10_000
const RENEWAL_PART = 0.2
const UNSUPPORTED_VERSION = 35
/** Certificates and protocols that do not fit each other when a connection is made will not fit later. */
const TLS_CODES = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/

/** kafkajs would write to the console, and the steps of SASL with it; what matters is in the errors it throws. */
const silent = { namespace: () => silent, debug: ignore, info: ignore, warn: ignore, error: ignore }
function ignore(): void {}

export class KafkajsConnection {
  readonly #connection: KafkajsSocket
  readonly #settings: ConnectionSettings
  readonly #clientId: string
  readonly #place: string
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #features: ReadonlyMap<string, VersionRange> = new Map()
  #lost: KafkaFailure | undefined
  #ready = false
  #answered = false

  constructor(address: BrokerAddress, settings: ConnectionSettings, clientId: string) {
    this.#settings = settings
    this.#clientId = clientId
    this.#place = placeOf(address)
    this.#connection = kafkajsSocket({
      host: address.host,
      port: address.port,
      clientId,
      logger: silent,
      socketFactory,
      ssl: settings.tls ?? null,
      sasl: settings.sasl === undefined ? null : kafkajsSasl(settings.sasl),
      connectionTimeout: settings.connectTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
    })
    this.#guardFrames()
  }

  /** Connects, learns what the broker can do, and authenticates. Once. Throws KafkaFailure. */
  async open(): Promise<void> {
    try {
      await this.#open()
      this.#ready = true
    } catch (error) {
      this.close(error instanceof KafkaFailure ? error : undefined)
      throw error
    }
  }

  /** Whether requests can be sent on it. */
  get ready(): boolean {
    return this.#ready && this.#lost === undefined
  }

  get features(): ReadonlyMap<string, VersionRange> {
    return this.#features
  }

  /** The versions of an API that the broker has. */
  versionsOf(key: number): VersionRange | undefined {
    return this.#versions.get(key)
  }

  /** Sends one request and waits for its answer, for requestTimeoutMs or `timeoutMs` if that is longer. Throws KafkaFailure. */
  async send<Request, Response>(api: KafkaApi<Request, Response>, request: Request, timeoutMs = 0): Promise<Response> {
    const what = `${api.name} to ${this.#place}`
    if (this.#settings.sasl !== undefined && !this.#connection.isAuthenticated()) await this.#authenticate()
    const version = this.#versionOf(api, what)
    const answer = new WireReader(await this.#exchange(api, version, request, what, timeoutMs))
    this.#answered = true
    try {
      if (version >= api.flexible && api.key !== API_VERSIONS_KEY) answer.tags()
      const response = api.decode(answer, version)
      if (answer.throttleMs > 0) this.#connection.requestQueue.maybeThrottle(answer.throttleMs)
      return response
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
      throw new KafkaFailure(error.code, error.kind, error.retriable, `${what}: ${error.message}`, error)
    }
  }

  /** Fails what is on its way, at once. */
  close(reason: KafkaFailure = closedFailure(`Connection to ${this.#place}`)): void {
    if (this.#lost !== undefined) return
    this.#lost = reason
    this.#connection.rejectRequests(reason)
    this.#connection.requestQueue.destroy()
    // With an error, for kafkajs waits for one where it is still connecting.
    this.#connection.socket?.destroy(reason)
    // Only its bookkeeping is left to do, and nothing is waited for.
    void this.#connection.disconnect()
  }

  async #open(): Promise<void> {
    const what = `Connection to ${this.#place}`
    try {
      await this.#connection.connect()
    } catch (error) {
      const hint = this.#settings.tls === undefined ? '' : ' (is this a listener without TLS?)'
      throw this.#lost ?? this.#lossOf(what, error, hint)
    }
    if (this.#lost !== undefined) throw this.#lost
    const lost = () => this.close(connectionFailure(what, `it was lost${this.#hint()}`))
    this.#connection.socket?.once('end', lost).once('error', lost).once('close', lost)
    const answer = await this.#ask(apiVersions, {}, what)
    if (answer.error !== 0) throw failureOf(answer.error, what, 'Kafka 2.8 or later is needed')
    this.#versions = answer.apis
    this.#features = answer.features
    if (this.#settings.sasl === undefined) return
    const versions = [...answer.apis].map(([key, { min, max }]) => [key, { minVersion: min, maxVersion: max }])
    this.#connection.setVersions(Object.fromEntries(versions))
    this.#connection.setSupportAuthenticationProtocol(true)
    await this.#authenticate()
  }

  /** Where what comes is no frame of Kafka's, kafkajs throws into the socket, and with it the process would end. */
  #guardFrames(): void {
    const connection = this.#connection
    const process = connection.processData.bind(connection)
    connection.processData = (bytes) => {
      try {
        process(bytes)
      } catch (error) {
        this.close(connectionFailure(`Connection to ${this.#place}`, `what came is not Kafka's: ${reasonOf(error)}`))
      }
    }
  }

  /** A request before anything is known of the broker. */
  async #ask<Request, Response>(api: KafkaApi<Request, Response>, request: Request, what: string): Promise<Response> {
    return api.decode(new WireReader(await this.#exchange(api, api.max, request, what, 0)), api.max)
  }

  async #authenticate(): Promise<void> {
    try {
      await this.#connection.authenticate()
      // Brokers let a session be renewed once a second at most: 10 s before the end is too often where sessions are short.
      const lifetimeMs = Number(this.#connection.sessionLifetime.toString())
      this.#connection.reauthenticationThreshold = Math.min(RENEWAL_MS, lifetimeMs * RENEWAL_PART)
    } catch (error) {
      const what = `Authentication at ${this.#place} by SASL ${this.#settings.sasl?.mechanism}`
      const failure = this.#lost ?? saslFailure(what, error)
      this.close(failure)
      throw failure
    }
  }

  #versionOf<Q, A>(api: KafkaApi<Q, A>, what: string): number {
    if (this.#lost !== undefined) throw this.#lost
    const range = this.#versions.get(api.key)
    if (range === undefined || range.max < api.min || range.min > api.max) {
      const has = range === undefined ? 'does not have it' : `has versions ${range.min} to ${range.max}`
      throw failureOf(UNSUPPORTED_VERSION, what, `the broker ${has}, versions ${api.min} to ${api.max} are spoken here`)
    }
    return Math.min(range.max, api.max)
  }

  /** The bytes of the answer, behind the correlation id. */
  #exchange<Q, A>(api: KafkaApi<Q, A>, version: number, request: Q, what: string, timeoutMs: number): Promise<Buffer> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    const connection = this.#connection
    const correlationId = connection.nextCorrelationId()
    const pieces = frameOf(api, version, request, correlationId, this.#clientId)
    const requestTimeout = Math.max(timeoutMs, this.#settings.requestTimeoutMs)
    return new Promise((resolve, reject) => {
      const entry = {
        apiKey: api.key,
        apiName: api.name,
        apiVersion: version,
        correlationId,
        resolve: ({ payload }: { readonly payload: Buffer }) => resolve(payload),
        reject: (error: Error) => reject(this.#requestFailure(what, requestTimeout, error)),
      }
      const sendRequest = () => writeAll(connection.socket as Socket, pieces)
      const queue = connection.requestQueue
      // Else it would go before those that were held back until now.
      if (queue.pending.length > 0) queue.checkPendingRequests()
      queue.push({ entry, expectResponse: true, requestTimeout, sendRequest })
    })
  }

  /** Why a request had no answer. */
  #requestFailure(what: string, timeoutMs: number, error: Error): KafkaFailure {
    if (error instanceof KafkaFailure)
      return new KafkaFailure(error.code, error.kind, error.retriable, `${what}: ${error.message}`, error)
    if (error.name !== 'KafkaJSRequestTimeoutError') return this.#lossOf(what, error, this.#hint())
    const reason = `given up, since ${what} had no answer in ${timeoutMs} ms`
    // Once kafkajs is done with its list of requests, and before anybody who waits for this one goes on.
    queueMicrotask(() => this.close(connectionFailure(`Connection to ${this.#place}`, reason)))
    return timeoutFailure(what, timeoutMs)
  }

  /** `hint`: what may be the reason if the broker has closed the connection. */
  #lossOf(what: string, error: unknown, hint: string): KafkaFailure {
    const { code } = error as { code?: unknown }
    const reason = reasonOf(error)
    if (!this.#ready && typeof code === 'string' && TLS_CODES.test(code))
      return new KafkaFailure(-2, 'TLS', false, `${what}: ${code}: ${reason}`, error)
    return connectionFailure(what, code === undefined || code === 'ECONNRESET' ? `${reason}${hint}` : reason, error)
  }

  #hint(): string {
    if (this.#answered) return ''
    const { tls, sasl } = this.#settings
    const missing = [tls === undefined && 'TLS (ssl)', sasl === undefined && 'SASL (sasl)'].filter(Boolean)
    return missing.length === 0 ? '' : ` (does this listener want ${missing.join(' or ')}?)`
  }
}

/** `host:port`, as a message names a broker. */
export function placeOf({ host, port }: BrokerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

interface SocketRequest {
  readonly host: string
  readonly port: number
  readonly ssl: ConnectionSettings['tls'] | null
  readonly onConnect: () => void
}

/** Without Nagle's algorithm: a request is one write, and what waits for the one before costs 40 ms. */
function socketFactory({ host, port, ssl, onConnect }: SocketRequest): Socket {
  const socket =
    ssl === null || ssl === undefined
      ? connectPlain({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
}

function frameOf<Q, A>(
  api: KafkaApi<Q, A>,
  version: number,
  request: Q,
  correlationId: number,
  clientId: string,
): readonly Buffer[] {
  const out = new WireWriter()
  out.int32(0)
  out.int16(api.key)
  out.int16(version)
  out.int32(correlationId)
  out.string(clientId)
  if (version >= api.flexible) out.tags()
  api.encode(request, version, out)
  const pieces = out.pieces()
  pieces[0]?.writeInt32BE(out.length - 4, 0)
  return pieces
}

function writeAll(socket: Socket, pieces: readonly Buffer[]): void {
  if (pieces.length > 1) socket.cork()
  for (const piece of pieces) socket.write(piece)
  if (pieces.length > 1) socket.uncork()
}
