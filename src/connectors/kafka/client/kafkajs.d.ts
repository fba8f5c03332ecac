// What is used of kafkajs's inner parts. It ships no types for them; its version is pinned.

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net'

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

  export default class Connection {
    constructor(options: Record<string, unknown>)
    readonly socket: Socket | undefined
    readonly requestQueue: {
      push(request: QueueEntry): void
      maybeThrottle(throttleMs: number): void
      destroy(): void
    }
    isConnected(): boolean
    connect(): Promise<boolean>
    disconnect(): Promise<boolean>
    setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
    setSupportAuthenticationProtocol(supported: boolean): void
    isAuthenticated(): boolean
    authenticate(): Promise<void>
    nextCorrelationId(): number
    rejectRequests(error: Error): void
  }
}
