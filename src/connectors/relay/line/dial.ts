// dial(): connects to a receiver, proves both ends and exchanges Hello and Welcome.

import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { reasonOf } from '../../../errors.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Hello, Message, Welcome } from '../wire/messages.ts'
import { isFatal } from '../wire/refusals.ts'
import { formatAddress, isLoopback } from './address.ts'
import { commonName } from './common-name.ts'
import { dialCredentials } from './credentials.ts'
import { FrameSocket } from './frame-socket.ts'
import { HANDSHAKE_FRAME_BYTES_MAX, WIRE_VERSION, welcomeFault } from './handshake.ts'
import { Line } from './line.ts'
import { LineFailure } from './line-failure.ts'
import type { DialOptions } from './options.ts'
import { explained, type Proof, socketReason } from './socket-reason.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000
/** Of each address of a name, but the last; Node's own is 250, which a slow line needs for one round trip. */
const ATTEMPT_TIMEOUT_MS = 2500

/** What dialling needs of the world. */
export interface DialTools {
  readonly clock: Clock
  /** Gives up; what the promise then rejects with is the signal's reason. */
  readonly signal: AbortSignal
}

/** A line, and what the receiver said. */
export interface Dialled {
  readonly line: Line
  readonly welcome: Welcome
}

/** Makes a line, once: whoever calls tries again. Set the line's onFrame before anything else is awaited. Throws LineFailure. */
export async function dial(target: DialOptions, hello: Hello, tools: DialTools): Promise<Dialled> {
  const { clock, signal } = tools
  signal.throwIfAborted()
  const socket = open(target)
  let failure: unknown
  const stop = (error: unknown): void => {
    failure ??= error
    socket.destroy()
  }
  const timeoutMs = target.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS
  const cancelTimeout = clock.schedule(timeoutMs, () =>
    stop(new LineFailure('UNREACHABLE', `no welcome from ${formatAddress(target)} within ${timeoutMs} ms`)),
  )
  const abort = (): void => stop(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    await connected(socket, target)
    return await greeted(socket, target, hello, clock)
  } catch (error) {
    socket.destroy()
    throw failure ?? error
  } finally {
    cancelTimeout()
    signal.removeEventListener('abort', abort)
  }
}

function open(target: DialOptions): Socket {
  const { host, port } = target
  try {
    const credentials = dialCredentials(target)
    const where = { host, port, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS }
    const socket = credentials === undefined ? connectPlain(where) : connectTls({ ...credentials, ...where })
    return socket.setNoDelay(true)
  } catch (error) {
    // A certificate that is renewed just now can be read a moment later.
    throw new LineFailure('CREDENTIALS', reasonOf(error))
  }
}

/** Until the other end has proved who it is, as far as it must. */
function connected(socket: Socket, target: DialOptions): Promise<void> {
  const secure = target.tls !== undefined || target.psk !== undefined
  return new Promise((resolve, reject) => {
    let reached = false
    const fail = (error: Error | undefined): void => {
      const said = error === undefined ? 'the connection was closed' : socketReason(error)
      const reason = reached && secure ? explained(said, proofOf(target)) : said
      reject(new LineFailure(reached && secure ? 'SECURITY' : 'UNREACHABLE', `${formatAddress(target)}: ${reason}`))
    }
    socket.once('connect', () => {
      reached = true
      if (secure) return
      if (isLoopback(socket.remoteAddress) && isLoopback(socket.localAddress)) resolve()
      else
        fail(new Error(`${socket.remoteAddress ?? 'it'} is not this machine, and the line is plain: give tls or psk`))
    })
    socket.once('secureConnect', resolve)
    socket.once('error', fail)
    socket.once('close', () => fail(undefined))
  })
}

async function greeted(socket: Socket, target: DialOptions, hello: Hello, clock: Clock): Promise<Dialled> {
  const frames = new FrameSocket(socket, HANDSHAKE_FRAME_BYTES_MAX, clock)
  const address = formatAddress(target)
  return new Promise((resolve, reject) => {
    const refuse = (code: string, reason: string): void => {
      frames.close()
      reject(new LineFailure(code, `${address}: ${reason}`, isFatal(code)))
    }
    frames.onFrame = ({ message }) => {
      const fault = answerFault(message)
      if (message.kind === 'refuse') refuse(message.code, message.reason)
      else if (message.kind !== 'welcome' || fault !== undefined) refuse('PROTOCOL', fault ?? `sent ${message.kind}`)
      else {
        frames.frameBytesMax = hello.frameBytesMax
        const peer = { identity: identityOf(socket, target), address }
        resolve({ line: new Line(frames, peer, hello, message, clock), welcome: message })
      }
    }
    frames.send(hello)
    void frames.closed.then(({ code, reason }) =>
      reject(new LineFailure(code ?? 'UNREACHABLE', `${address}: ${explained(reason, proofOf(target))}`)),
    )
  })
}

function answerFault(message: Message): string | undefined {
  if (message.kind !== 'welcome') return undefined
  if (message.version !== WIRE_VERSION) return `speaks version ${message.version} of the wire, not ${WIRE_VERSION}`
  return welcomeFault(message)
}

function identityOf(socket: Socket, target: DialOptions): string {
  if (target.psk !== undefined) return target.psk.identity
  return target.tls === undefined ? 'loopback' : (commonName(socket as TLSSocket) ?? target.host)
}

function proofOf({ tls, psk }: DialOptions): Proof {
  if (tls !== undefined) return 'tls'
  return psk === undefined ? 'plain' : 'psk'
}
