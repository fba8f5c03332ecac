// FrameSocket: frames over a connected socket, plain or TLS.
//
// Owns: the socket, the beginning of a frame that came in part, the counts of bytes.
// Does not own: what the frames mean (line.ts), who may connect (dial.ts, line-server.ts).
//
// I1. Frames come in order, each once; after the end none comes and none is sent.
// I2. The first reason to end is the one that is told. However the other end behaves, the socket is gone a second later.
// I3. What is sent in one turn goes to the socket in one write; bodies are not copied.
// I4. What waits to be sent is bounded: a line whose other end does not read, and whose sender does not wait, ends.

import type { Socket } from 'node:net'
import { reasonOf } from '../../../errors.ts'
import type { Clock } from '../../../util/clock.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import { encodeFrame, type Frame, FrameDecoder } from '../wire/frame.ts'
import type { Message } from '../wire/messages.ts'
import { WireFailure } from '../wire/wire-failure.ts'
import { isTlsError, socketReason } from './socket-reason.ts'

/** Why a connection ended. */
export interface LineEnd {
  /** One of REFUSALS, where an end gave one; SECURITY where TLS did. */
  readonly code?: string
  /** For people. */
  readonly reason: string
}

/** Bytes that may wait in the socket before send() says so. */
const WAITING_BYTES = 512 * 1024
const CLOSE_TIMEOUT_MS = 1000
const REASON_CHARACTERS_MAX = 300

export class FrameSocket {
  /** What to do with a frame; a throw ends the line. */
  onFrame: (frame: Frame) => void = unexpected
  /** When the socket is gone. Never rejects. */
  readonly closed: Promise<LineEnd>
  bytesIn = 0
  bytesOut = 0
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #decoder: FrameDecoder
  readonly #closed = deferred<LineEnd>()
  #end: LineEnd | undefined
  #cancelTimeout: (() => void) | undefined
  #drained: Deferred | undefined
  #corked = false
  #frameBytesMax: number
  /** Milliseconds in which bytes waited, up to the last time that none did. */
  #blockedMs = 0
  #blockedSince: number | undefined

  /** Takes over a socket that is connected. */
  constructor(socket: Socket, frameBytesMax: number, clock: Clock) {
    this.closed = this.#closed.promise
    this.#socket = socket
    this.#clock = clock
    this.#frameBytesMax = frameBytesMax
    this.#decoder = new FrameDecoder(frameBytesMax)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) =>
      this.#note({ ...(isTlsError(error) && { code: 'SECURITY' }), reason: socketReason(error) }),
    )
    socket.on('end', () => this.#leave({ reason: 'the other end closed the connection' }))
    socket.on('close', () => this.#gone())
  }

  /** Bytes of a frame that are taken, at most. */
  set frameBytesMax(bytes: number) {
    this.#frameBytesMax = bytes
    this.#decoder.frameBytesMax = bytes
  }

  /** Bytes that wait to go to the network. */
  get queuedBytes(): number {
    return this.#socket.writableLength
  }

  /** Milliseconds in which bytes waited to go to the network. */
  get blockedMs(): number {
    const since = this.#blockedSince
    return this.#blockedMs + (since === undefined ? 0 : this.#clock.monotonic() - since)
  }

  /** False when the socket is full: await drained() before more. Throws WireFailure for fields beyond their limits. */
  send(message: Message, body?: Uint8Array): boolean {
    if (this.#end !== undefined) return true
    this.#write(message, body)
    if (this.queuedBytes <= WAITING_BYTES) return true
    if (this.queuedBytes > WAITING_BYTES + 2 * this.#frameBytesMax + (body?.length ?? 0))
      this.close('LIMIT', 'more waits to be sent than may, for the other end does not read')
    return false
  }

  /** When send() may be called again, or the line has ended. */
  drained(): Promise<void> {
    if (this.#end !== undefined || this.queuedBytes <= WAITING_BYTES) return Promise.resolve()
    this.#drained ??= deferred()
    return this.#drained.promise
  }

  /** Reads nothing more until resume(): what comes waits with the other end. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Says `last` if it can and ends; what was sent before goes first. */
  close(code = '', reason = 'closed', last?: Message): void {
    if (this.#end !== undefined) return
    const told = reason.slice(0, REASON_CHARACTERS_MAX)
    this.#write(last ?? { kind: 'goodbye', code, reason: told })
    this.#leave({ ...(code !== '' && { code }), reason: told })
  }

  /** Ends because the other end said so. */
  dismissed(code: string, reason: string): void {
    this.#leave({ ...(code !== '' && { code }), reason })
  }

  /** Ends at once, without a word. */
  destroy(reason: string): void {
    this.#note({ reason })
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.bytesIn += chunk.length
    if (this.#end !== undefined) return
    try {
      this.#decoder.push(chunk)
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
        this.onFrame(frame)
        if (this.#end !== undefined) return
      }
    } catch (error) {
      if (error instanceof WireFailure) this.close(error.code, error.reason)
      else this.close('', reasonOf(error))
    }
  }

  #write(message: Message, body?: Uint8Array): void {
    const pieces = encodeFrame(message, body)
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(this.#uncork)
    }
    for (const piece of pieces) this.bytesOut += piece.length
    this.#socket.write(pieces[0] as Uint8Array, pieces.length === 1 ? this.#written : undefined)
    if (pieces[1] !== undefined) this.#socket.write(pieces[1], this.#written)
  }

  readonly #uncork = (): void => {
    this.#corked = false
    this.#socket.uncork()
    // What the network took at once has not waited.
    if (this.queuedBytes > 0) this.#blockedSince ??= this.#clock.monotonic()
  }

  readonly #written = (): void => {
    const queued = this.queuedBytes
    if (queued <= WAITING_BYTES) this.#drain()
    if (queued > 0 || this.#blockedSince === undefined) return
    this.#blockedMs += this.#clock.monotonic() - this.#blockedSince
    this.#blockedSince = undefined
  }

  #drain(): void {
    this.#drained?.resolve()
    this.#drained = undefined
  }

  #note(end: LineEnd): void {
    this.#end ??= end
  }

  /** Sends what is left and the end; what still comes is thrown away, so that the other end gets to read what was said. */
  #leave(end: LineEnd): void {
    this.#note(end)
    // Else the other end's close would not be read.
    this.#socket.resume()
    this.#socket.end()
    this.#cancelTimeout ??= this.#clock.schedule(CLOSE_TIMEOUT_MS, () => this.#socket.destroy())
    this.#drain()
  }

  #gone(): void {
    this.#cancelTimeout?.()
    this.#note({ reason: 'the connection was lost' })
    this.#drain()
    this.#closed.resolve(this.#end as LineEnd)
  }
}

function unexpected({ message }: Frame): never {
  throw new WireFailure('PROTOCOL', `${message.kind} comes too early`)
}
