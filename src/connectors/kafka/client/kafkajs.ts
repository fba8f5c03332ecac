// What is used of kafkajs's inner parts, with types. Its version is pinned.

import type { Socket } from 'node:net'
// @ts-expect-error: kafkajs has no types for what is behind its door.
import Connection from 'kafkajs/src/network/connection.js'

interface QueueEntry {
  readonly entry: {
    readonly apiKey: number
    readonly apiName: string
    readonly apiVersion: number
    readonly correlationId: number
    resolve(answer: { readonly payload: Buffer }): void
    reject(error: Error): void
  }
  readonly expectResponse: boolean
  readonly requestTimeout: number
  sendRequest(): void
}

/** A connection of kafkajs's to one broker. */
export interface KafkajsSocket {
  readonly socket: Socket | undefined
  readonly requestQueue: {
    /** Held back while the broker asks for patience. */
    readonly pending: readonly unknown[]
    push(request: QueueEntry): void
    checkPendingRequests(): void
    maybeThrottle(throttleMs: number): void
    destroy(): void
  }
  /** Called with what comes from the socket. */
  processData(bytes: Buffer): void
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
  setSupportAuthenticationProtocol(supported: boolean): void
  /** Milliseconds; '0' for no end. */
  readonly sessionLifetime: { toString(): string }
  /** So long before its end a session is renewed. */
  reauthenticationThreshold: number
  isAuthenticated(): boolean
  authenticate(): Promise<void>
  nextCorrelationId(): number
  rejectRequests(error: Error): void
}

/** Makes one; its options are those of kafkajs's ConnectionPool. */
export function kafkajsSocket(options: Readonly<Record<string, unknown>>): KafkajsSocket {
  const Made = Connection as new (options: Readonly<Record<string, unknown>>) => KafkajsSocket
  return new Made(options)
}
