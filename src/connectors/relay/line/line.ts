// Line: an established, authenticated connection between a sender and a receiver, seen from either end.
//
// Owns: heartbeats.
// Does not own: bytes and frames (frame-socket.ts), streams and batches (send/, receive/).
//
// I1. Every heartbeat a Ping is sent; three in a row without one byte from the other end end the line. Ticks are counted, not time:
//     neither a clock that jumps nor a thread that stood still ends a line.
// I2. At most one Pong waits to be sent, however many Pings come.

import type { Clock } from '../../../util/clock.ts'
import type { Frame } from '../wire/frame.ts'
import type { Hello, Message, Welcome } from '../wire/messages.ts'
import { WireFailure } from '../wire/wire-failure.ts'
import type { FrameSocket, LineEnd } from './frame-socket.ts'

const SILENT_TICKS_MAX = 3

/** The other end. */
export interface LinePeer {
  /** Of its key or certificate; `loopback` where the line is plain. */
  readonly identity: string
  /** `host:port`. */
  readonly address: string
}

/** What both ends can. */
export interface LineLimits {
  /** Bytes of header and body of a frame. */
  readonly frameBytesMax: number
  /** Bytes of a batch, uncompressed. */
  readonly plainBytesMax: number
  readonly compressions: readonly string[]
}

/** What went over a line. */
export interface LineTraffic {
  readonly bytesIn: number
  /** Those that still wait counted too. */
  readonly bytesOut: number
  /** Time in which bytes waited to go to the network. */
  readonly blockedMs: number
  /** Bytes that wait to go to the network. */
  readonly queuedBytes: number
  /** Of the last heartbeat that was answered. */
  readonly roundTripMs: number | undefined
}

export class Line {
  /** What to do with a message of a stream; to be set at once. A throw ends the line. */
  onFrame: (message: Message, body: Buffer) => void = unexpected
  readonly peer: LinePeer
  readonly limits: LineLimits
  /** When the connection is gone. Never rejects. */
  readonly closed: Promise<LineEnd>
  readonly #frames: FrameSocket
  readonly #clock: Clock
  readonly #heartbeatMs: number
  #cancelTick: () => void
  #bytesInAtTick = 0
  #silentTicks = 0
  #isPaused = false
  #nonce = 0
  #pingedAt = 0
  #roundTripMs: number | undefined
  /** Of the last Ping that was not answered, since the socket is full. */
  #pong: number | undefined

  /** Over a connection on which Hello and Welcome were exchanged. */
  constructor(frames: FrameSocket, peer: LinePeer, hello: Hello, welcome: Welcome, clock: Clock) {
    this.peer = peer
    this.limits = {
      frameBytesMax: Math.min(hello.frameBytesMax, welcome.frameBytesMax),
      plainBytesMax: welcome.plainBytesMax,
      compressions: hello.compressions.filter((one) => welcome.compressions.includes(one)),
    }
    this.closed = frames.closed
    this.#frames = frames
    this.#clock = clock
    this.#heartbeatMs = welcome.heartbeatMs
    frames.onFrame = (frame) => this.#take(frame)
    this.#cancelTick = clock.schedule(this.#heartbeatMs, this.#tick)
    void frames.closed.then(() => this.#cancelTick())
    this.#ping()
  }

  get traffic(): LineTraffic {
    const { bytesIn, bytesOut, blockedMs, queuedBytes } = this.#frames
    return { bytesIn, bytesOut, blockedMs, queuedBytes, roundTripMs: this.#roundTripMs }
  }

  /**
   * Sends a message, in order; the body is not copied and must not change. False when the socket is full: then await drained(). After the end
   * nothing is sent, and the answer is true. Throws WireFailure for fields beyond their limits.
   */
  send(message: Message, body?: Uint8Array): boolean {
    return this.#frames.send(message, body)
  }

  /** When send() may be called again, or the line has ended. */
  drained(): Promise<void> {
    return this.#frames.drained()
  }

  /** Reads nothing more until resume(): frames of what was read still come. Meanwhile the other end's silence does not count. */
  pause(): void {
    this.#isPaused = true
    this.#frames.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#frames.resume()
  }

  /** Ends the line; the other end is told why, if it can be. What was sent before goes first. */
  close(code?: string, reason?: string): void {
    this.#frames.close(code, reason)
  }

  #take({ message, body }: Frame): void {
    switch (message.kind) {
      case 'ping':
        return this.#answer(message.nonce)
      case 'pong':
        if (message.nonce === this.#nonce) this.#roundTripMs = this.#clock.monotonic() - this.#pingedAt
        return
      case 'goodbye':
        return this.#frames.dismissed(message.code, message.reason)
      case 'hello':
      case 'welcome':
      case 'refuse':
        throw new WireFailure('PROTOCOL', `${message.kind} comes again`)
      default:
        this.onFrame(message, body)
    }
  }

  #answer(nonce: number): void {
    const waiting = this.#pong !== undefined
    this.#pong = nonce
    if (!waiting) void this.#frames.drained().then(() => this.#sendPong())
  }

  #sendPong(): void {
    const nonce = this.#pong
    this.#pong = undefined
    if (nonce !== undefined) this.#frames.send({ kind: 'pong', nonce })
  }

  readonly #tick = (): void => {
    const { bytesIn } = this.#frames
    this.#silentTicks = bytesIn === this.#bytesInAtTick && !this.#isPaused ? this.#silentTicks + 1 : 0
    this.#bytesInAtTick = bytesIn
    if (this.#silentTicks === SILENT_TICKS_MAX) {
      this.#frames.close('', `the other end was silent for ${SILENT_TICKS_MAX} heartbeats of ${this.#heartbeatMs} ms`)
      return
    }
    this.#ping()
    this.#cancelTick = this.#clock.schedule(this.#heartbeatMs, this.#tick)
  }

  #ping(): void {
    this.#nonce += 1
    this.#pingedAt = this.#clock.monotonic()
    this.#frames.send({ kind: 'ping', nonce: this.#nonce })
  }
}

function unexpected(message: Message): never {
  throw new WireFailure('PROTOCOL', `${message.kind} comes before it is asked for`)
}
