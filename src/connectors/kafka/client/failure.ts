// What goes wrong between us and a broker: an error code of an answer, or no answer.

import { ERROR_CODES } from './error-codes.ts'

/** What kinds there are beside the names of Kafka's error codes. */
export type LocalKind = 'CONNECTION' | 'TLS' | 'TIMEOUT' | 'PROTOCOL' | 'CLOSED'

/** A request that failed. `kind` is the name of the broker's error code, or a LocalKind (then `code` is -2). */
export class KafkaFailure extends Error {
  readonly code: number
  readonly kind: string
  /** Whether the same may succeed later. */
  readonly retriable: boolean

  constructor(code: number, kind: string, retriable: boolean, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'KafkaFailure'
    this.code = code
    this.kind = kind
    this.retriable = retriable
  }
}

/** The failure that an error code stands for. `what` is what was done to what: `Produce to orders/3 on 1 (db:9092)`. */
export function failureOf(code: number, what: string, said?: string | null): KafkaFailure {
  const row = ERROR_CODES[code]
  const [kind, retriable, meaning] = row ?? [`ERROR_${code}`, false, 'a code that this release does not know']
  const detail = said === undefined || said === null || said === '' ? meaning : `${said.replace(/\.$/, '')}: ${meaning}`
  return new KafkaFailure(code, kind, retriable, `${what}: ${kind}: ${detail}`)
}

/** Throws the failure of a code unless it is 0. */
export function throwIfFailed(code: number, what: string, said?: string | null): void {
  if (code !== 0) throw failureOf(code, what, said)
}

/** No answer: the connection could not be made, or was lost. */
export function connectionFailure(what: string, reason: string, cause?: unknown): KafkaFailure {
  return new KafkaFailure(-2, 'CONNECTION', true, `${what}: ${reason}`, cause)
}

/** No answer in time. */
export function timeoutFailure(what: string, timeoutMs: number): KafkaFailure {
  return new KafkaFailure(-2, 'TIMEOUT', true, `${what}: no answer in ${timeoutMs} ms`)
}

/** An answer that does not keep to the protocol. */
export function protocolFailure(reason: string): KafkaFailure {
  return new KafkaFailure(-2, 'PROTOCOL', false, reason)
}

/** Asked of, or waiting in, a client that is closed. */
export function closedFailure(what: string): KafkaFailure {
  return new KafkaFailure(-2, 'CLOSED', false, `${what}: the client was closed`)
}
