// What TLS is told, at either end: certificates and keys, read where options say.

import { constants, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { type ConnectionOptions, createSecureContext, type TLSSocket, type TlsOptions } from 'node:tls'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { DialOptions, ListenOptions, RelaySecret, RelayTlsOptions } from './options.ts'

const PEM = '-----BEGIN '
const PSK_BYTES_MIN = 32
const PSK_BYTES_MAX = 256

type Fail = (path: string, reason: string) => never

// Both ends are of Millrace and have TLS 1.3, in which keys agreed before (PSK) have forward secrecy, too.
const VERSIONS = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const

/** TLS of an end that connects; undefined where the line is plain. Throws CONNECTOR_OPTION. */
export function dialCredentials(options: DialOptions): ConnectionOptions | undefined {
  const fail = failing(options.connector)
  const { tls, psk, host } = options
  if (tls !== undefined) {
    const servername = tls.servername ?? host
    return { ...certificates(tls, fail), ...(isIP(servername) === 0 && { servername }) }
  }
  if (psk === undefined) return undefined
  const key = pskKey(psk.key, 'psk.key', fail)
  return {
    ...VERSIONS,
    // Without authorities a certificate proves nothing: the other end must know the key.
    ca: [],
    checkServerIdentity: (_host, certificate) =>
      Object.keys(certificate ?? {}).length === 0
        ? undefined
        : new Error('the other end gave a certificate, not the key'),
    pskCallback: () => ({ psk: key, identity: psk.identity }),
  }
}

/** TLS of an end that listens; undefined where lines are plain. Throws CONNECTOR_OPTION. */
export function listenCredentials(options: ListenOptions, identities: PskIdentities): TlsOptions | undefined {
  const fail = failing(options.connector)
  const { tls, psk } = options
  // No tickets: each connection proves anew who it is.
  const secureOptions = constants.SSL_OP_NO_TICKET
  if (tls !== undefined) return { ...certificates(tls, fail), requestCert: true, secureOptions }
  if (psk === undefined) return undefined
  const keys = new Map(
    Object.entries(psk.keys).map(([identity, secret]) => [identity, pskKey(secret, `psk.keys.${identity}`, fail)]),
  )
  // A stranger gets a key that nobody has, so that it fails just as with a wrong key.
  const nobodys = randomBytes(PSK_BYTES_MIN)
  return {
    ...VERSIONS,
    secureOptions,
    pskCallback(socket: TLSSocket, identity: string) {
      const key = keys.get(identity)
      if (key !== undefined) identities.set(socket, identity)
      return key ?? nobodys
    },
  }
}

/** Which identity a connection named; proved once its handshake is over. */
export type PskIdentities = WeakMap<TLSSocket, string>

function certificates(tls: RelayTlsOptions, fail: Fail) {
  const { passphrase } = tls
  const context = {
    ...VERSIONS,
    ca: pem(tls.ca, 'tls.ca', fail),
    cert: pem(tls.cert, 'tls.cert', fail),
    key: pem(tls.key, 'tls.key', fail),
    ...(passphrase !== undefined && { passphrase: readSecret(passphrase, 'tls.passphrase', fail) }),
  }
  try {
    createSecureContext(context)
  } catch (error) {
    fail('tls', `ca, cert and key are not understood, or do not belong together: ${reasonOf(error).trim()}`)
  }
  return { ...context, rejectUnauthorized: true }
}

function pem(value: string, path: string, fail: Fail): string {
  const text = value.includes(PEM) ? value : readFile(value, path, fail)
  return text.includes(PEM) ? text : fail(path, `${value} has no PEM`)
}

/** A key of hex or base64, whichever it is. */
function pskKey(secret: RelaySecret, path: string, fail: Fail): Buffer {
  const text = readSecret(secret, path, fail).trim()
  const hex = /^(?:[0-9a-fA-F]{2})+$/.test(text)
  if (!hex && !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return fail(path, 'is neither hex nor base64')
  const key = Buffer.from(text, hex ? 'hex' : 'base64')
  if (key.length < PSK_BYTES_MIN || key.length > PSK_BYTES_MAX)
    return fail(
      path,
      `has ${key.length} bytes: expected ${PSK_BYTES_MIN} to ${PSK_BYTES_MAX} random ones, in hex or base64`,
    )
  return key
}

function readSecret(secret: RelaySecret, path: string, fail: Fail): string {
  if ('file' in secret) return readFile(secret.file, path, fail).replace(/\r?\n$/, '')
  return process.env[secret.env] ?? fail(path, `environment variable ${secret.env} is not set`)
}

function readFile(file: string, path: string, fail: Fail): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return fail(path, reasonOf(error))
  }
}

function failing(connector: string): Fail {
  return (path, reason) => {
    throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason })
  }
}
