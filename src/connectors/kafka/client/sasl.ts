// SASL as kafkajs does it, but for tokens: kafkajs takes one that was refused for accepted, and what the broker then says to the next
// request would be read as that request's answer.

import { reasonOf } from '../../../errors.ts'
import type { KafkaTokenOptions, SaslSettings } from '../connection.ts'
import { connectionFailure, failureOf, KafkaFailure } from './failure.ts'
import { WireReader, WireWriter } from './wire.ts'

const UNSUPPORTED_SASL_MECHANISM = 33
const SASL_AUTHENTICATION_FAILED = 58

/** One step of SASL, as kafkajs's hooks for other mechanisms have it. */
interface SaslStep {
  readonly saslAuthenticate: (step: {
    readonly request: { readonly encode: () => Promise<Buffer> }
    readonly response: {
      readonly decode: (said: Buffer) => Promise<Buffer>
      readonly parse: (said: Buffer) => Promise<void>
    }
  }) => Promise<void>
}

/** kafkajs's option `sasl`. It keeps something of its own in the object, so that each connection has one. */
export function kafkajsSasl(sasl: SaslSettings): Record<string, unknown> {
  if (sasl.mechanism !== 'oauthbearer') return { ...sasl }
  return {
    mechanism: sasl.mechanism,
    authenticationProvider: (step: SaslStep) => ({ authenticate: () => authenticateByToken(sasl, step) }),
  }
}

async function authenticateByToken({ token }: KafkaTokenOptions, { saslAuthenticate }: SaslStep): Promise<void> {
  const { value } = await tokenOf(token)
  const out = new WireWriter()
  out.bytes(Buffer.from(`n,,\u0001auth=Bearer ${value}\u0001\u0001`))
  await saslAuthenticate({
    request: { encode: async () => out.finish() },
    response: { decode: async (said) => said, parse: async (said) => throwIfRefused(said) },
  })
}

/** Where tokens come from may be out of reach as a broker may: that passes. */
async function tokenOf(token: KafkaTokenOptions['token']): Promise<{ readonly value: string }> {
  try {
    return await token()
  } catch (error) {
    throw connectionFailure('Getting a token', reasonOf(error), error)
  }
}

/** A broker that takes the token says nothing; one that does not says why, as JSON (RFC 7628). */
function throwIfRefused(said: Buffer): void {
  const why = new WireReader(said).bytes()?.toString('utf8') ?? ''
  if (why !== '') throw new Error(`the token was refused: ${why.replaceAll(/\s+/g, ' ').trim()}`)
}

/** kafkajs wraps all that ends SASL into one class, a lost connection too. */
const LOST = /Closed connection|Connection error|Connection timeout|Not connected|closed by the server|timed out/

/** Why authentication failed, and whether it may succeed later. */
export function saslFailure(what: string, error: unknown): KafkaFailure {
  const reason = reasonOf(error)
  const { type } = error as { type?: unknown }
  if (error instanceof KafkaFailure || LOST.test(reason) || type === 'ILLEGAL_SASL_STATE')
    return connectionFailure(what, reason, error)
  const code = type === 'UNSUPPORTED_SASL_MECHANISM' ? UNSUPPORTED_SASL_MECHANISM : SASL_AUTHENTICATION_FAILED
  return failureOf(code, what, reason)
}
