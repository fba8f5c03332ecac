// Where a line goes to or comes from, and what makes it safe: options, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { isLoopback, parseAddress, type RelayAddress } from './address.ts'

/** A secret by the environment variable or the file that has it. */
export type RelaySecret = { readonly env: string } | { readonly file: string }

/** Certificates of both ends, each the path of a PEM file or PEM itself. Files are read anew for each connection, by a receiver each minute. */
export interface RelayTlsOptions {
  /** What proves the other end's certificate. */
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Of the key. */
  readonly passphrase?: RelaySecret
  /** The name that the receiver's certificate is for. Default: the host of its address. */
  readonly servername?: string
}

/** A key that both ends have (TLS-PSK): hex or base64 of at least 32 random bytes. */
export interface RelayPskOptions {
  /** Which of the receiver's keys it is. */
  readonly identity: string
  readonly key: RelaySecret
}

/** The keys of those who may connect (TLS-PSK), by identity. */
export interface RelayPskKeys {
  readonly keys: Readonly<Record<string, RelaySecret>>
}

/** Where to connect to. */
export interface DialOptions extends RelayAddress {
  /** Whose options these are, for messages. */
  readonly connector: string
  readonly tls?: RelayTlsOptions | undefined
  readonly psk?: RelayPskOptions | undefined
  /** From connecting to the receiver's Welcome. Default 10,000. */
  readonly handshakeTimeoutMs?: number
}

/** Where to listen, and how many may connect. */
export interface ListenOptions extends RelayAddress {
  /** Whose options these are, for messages. */
  readonly connector: string
  readonly tls?: RelayTlsOptions | undefined
  readonly psk?: RelayPskKeys | undefined
  /** Connections, those not yet let in counted too; more are closed at once. */
  readonly connectionsMax: number
  /** From a connection to its Hello. Default 5,000. */
  readonly handshakeTimeoutMs?: number
}

const IDENTITY_BYTES_MAX = 128

const name = z.string().min(1)

const secret = z.union([z.strictObject({ env: name }), z.strictObject({ file: name })], {
  error: "expected { env: 'VARIABLE' } or { file: 'path' }: a secret is not written among options",
})

const tls = z
  .strictObject({
    ca: name,
    cert: name,
    key: name,
    passphrase: secret.optional(),
    servername: name.optional(),
  })
  .optional()

const identity = name.refine((text) => Buffer.byteLength(text) <= IDENTITY_BYTES_MAX && !text.includes('\0'), {
  error: `expected an identity of at most ${IDENTITY_BYTES_MAX} bytes`,
})

/** Security of an end that connects, for the schemas of options. */
export const dialSecurityFields = {
  tls,
  psk: z.strictObject({ identity, key: secret }).optional(),
}

/** Security of an end that listens, for the schemas of options. */
export const listenSecurityFields = {
  tls,
  psk: z
    .strictObject({
      keys: z.record(identity, secret).refine((keys) => Object.keys(keys).length > 0, { error: 'expected a key' }),
    })
    .optional(),
}

/** `host:port` as options have it, made an address. */
export const addressField = z.string().transform((text, context): RelayAddress => {
  const address = parseAddress(text)
  if (address !== undefined) return address
  // What was written is not repeated whole: an address with a password before it is a likely mistake.
  const message = `"${text.replace(/^.*@/, '…@')}" is not host:port or [IPv6]:port`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

/**
 * Refuses what would leave this machine in the clear, and two kinds of security at once; `path` is where the address stands among the options.
 * Throws CONNECTOR_OPTION.
 */
export function checkSecurity(
  { host, tls, psk }: { readonly host: string; readonly tls?: unknown; readonly psk?: unknown },
  path: string,
  connector: string,
): void {
  const fail = (reason: string): never => {
    throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason })
  }
  if (tls !== undefined && psk !== undefined) fail('tls and psk are both given: certificates or a key, choose one')
  if (tls === undefined && psk === undefined && !isLoopback(host))
    fail(`${host} is not this machine: give tls (certificates of both ends) or psk (a key that both have)`)
}
