// Certificates for tests, made when they are wanted: no key is kept in the repository, no tool is needed.

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

const DAY_MS = 86_400_000
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OID = 0x06
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17
const SEQUENCE = 0x30
const SET = 0x31
const CONTEXT = 0x80
const CONSTRUCTED = 0x20

const ECDSA_WITH_SHA256 = '2a8648ce3d040302'
const COMMON_NAME = '550403'
const BASIC_CONSTRAINTS = '551d13'
const SUBJECT_ALT_NAME = '551d11'

/** Whom a certificate is for. */
export interface CertificateSubject {
  /** None, one or several. */
  readonly commonNames?: readonly string[]
  /** Names of hosts. */
  readonly hosts?: readonly string[]
  /** IPv4 addresses. */
  readonly addresses?: readonly string[]
  /** Days from now at which it ends; negative: it has ended. Default 1. */
  readonly days?: number
}

/** A certificate and its key, PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** An authority that issues certificates. */
export class CertificateAuthority {
  readonly #name: Buffer
  readonly #key: KeyObject
  /** Its own certificate, PEM. */
  readonly cert: string

  constructor(commonName: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = nameOf([commonName])
    this.#key = privateKey
    this.cert = this.#signed(this.#name, publicKey, 1, extension(BASIC_CONSTRAINTS, der(SEQUENCE, der(0x01, [0xff]))))
  }

  /** A new key, and the certificate for it. */
  issue({ commonNames = [], hosts = [], addresses = [], days = 1 }: CertificateSubject): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const names = [
      ...hosts.map((host) => der(CONTEXT | 2, Buffer.from(host))),
      ...addresses.map((address) => der(CONTEXT | 7, address.split('.').map(Number))),
    ]
    const extensions = names.length === 0 ? undefined : extension(SUBJECT_ALT_NAME, der(SEQUENCE, ...names))
    const cert = this.#signed(nameOf(commonNames), publicKey, days, extensions)
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }

  #signed(subject: Buffer, key: KeyObject, days: number, extensions: Buffer | undefined): string {
    const algorithm = der(SEQUENCE, der(OID, Buffer.from(ECDSA_WITH_SHA256, 'hex')))
    const end = Date.now() + days * DAY_MS
    const body = der(
      SEQUENCE,
      der(CONTEXT | CONSTRUCTED | 0, der(INTEGER, [2])),
      der(INTEGER, [1], randomBytes(15)),
      algorithm,
      this.#name,
      der(SEQUENCE, utcTime(Math.min(Date.now(), end) - DAY_MS), utcTime(end)),
      subject,
      key.export({ type: 'spki', format: 'der' }),
      ...(extensions === undefined ? [] : [der(CONTEXT | CONSTRUCTED | 3, der(SEQUENCE, extensions))]),
    )
    const whole = der(SEQUENCE, body, algorithm, der(BIT_STRING, [0], sign('sha256', body, this.#key)))
    const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
  }
}

function nameOf(commonNames: readonly string[]): Buffer {
  const id = der(OID, Buffer.from(COMMON_NAME, 'hex'))
  return der(SEQUENCE, ...commonNames.map((name) => der(SET, der(SEQUENCE, id, der(UTF8_STRING, Buffer.from(name))))))
}

function extension(id: string, value: Buffer): Buffer {
  return der(SEQUENCE, der(OID, Buffer.from(id, 'hex')), der(OCTET_STRING, value))
}

function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(UTC_TIME, Buffer.from(`${digits}Z`))
}

/** A value of ASN.1 in DER. */
function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const lengthBytes = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content])
}
