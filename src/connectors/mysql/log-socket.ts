// LogSocket: the connection's socket, and whether the server is still there.
//
// Owns: the socket and the watch over it.
//
// I1. While watched, a server from which no byte came for 1.75 heartbeats is given up. What is counted is looks, not time: each comes after
//     the bytes that had arrived before it were read, so a process that was busy itself for long gives up nobody.

import { connect, type Socket } from 'node:net'
import type { Clock } from '../../util/clock.ts'
import type { ConnectionSettings } from './connection.ts'

const LOOKS_A_HEARTBEAT = 4
const SILENT_LOOKS_MAX = 7

/** How a socket is watched. */
export interface Watch {
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Called when the server is given up, and for what goes wrong with the socket. */
  readonly failed: (error: Error) => void
}

export class LogSocket {
  /** For the driver to talk through. */
  readonly socket: Socket
  readonly #watch: Watch
  #cancel: (() => void) | undefined
  #bytesRead = 0
  #silentLooks = 0

  constructor({ host, port }: ConnectionSettings, watch: Watch) {
    this.socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: watch.heartbeatMs })
    this.socket.on('error', watch.failed)
    this.#watch = watch
  }

  /** The server is to say something within limitMs. */
  expect(limitMs: number): void {
    this.rest()
    this.#cancel = this.#watch.clock.schedule(limitMs, () =>
      this.#giveUp(`the server did not answer within ${limitMs} ms`),
    )
  }

  /** From now on the server is to say something in each heartbeat. */
  watch(): void {
    this.rest()
    this.#silentLooks = 0
    this.#bytesRead = this.socket.bytesRead
    this.#look()
  }

  /** Nothing is expected for now. */
  rest(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Ends the connection at once; resolves when it is closed. */
  destroy(): Promise<void> {
    this.rest()
    return new Promise((resolve) => {
      if (this.socket.closed) resolve()
      else this.socket.once('close', () => resolve()).destroy()
    })
  }

  #look(): void {
    const { clock, heartbeatMs } = this.#watch
    this.#cancel = clock.schedule(heartbeatMs / LOOKS_A_HEARTBEAT, () => {
      const { bytesRead } = this.socket
      this.#silentLooks = bytesRead === this.#bytesRead ? this.#silentLooks + 1 : 0
      this.#bytesRead = bytesRead
      if (this.#silentLooks >= SILENT_LOOKS_MAX)
        this.#giveUp(`the server said nothing: it owes a heartbeat each ${heartbeatMs} ms`)
      else this.#look()
    })
  }

  #giveUp(reason: string): void {
    this.#cancel = undefined
    this.#watch.failed(new Error(reason))
  }
}
