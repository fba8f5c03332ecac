// Where a Kafka cluster is and who asks: options, checked and complete.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { MillraceError, reasonOf } from '../../errors.ts'
import { parseOptions } from '../cdc/parse-options.ts'

/** Certificates, by file: `ca` proves the brokers, `cert` and `key` prove the client. */
export interface KafkaTlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** The name that the brokers' certificates are for. Default: that of the address. */
  readonly servername?: string
}

/** Who asks, by user name and password. The password is given, or named by an environment variable or a file. */
export interface KafkaPasswordOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password?: string
  readonly passwordEnv?: string
  readonly passwordFile?: string
}

/** Who asks, by a token; `token` is called for each connection, and again before the session that it opened ends. */
export interface KafkaTokenOptions {
  readonly mechanism: 'oauthbearer'
  readonly token: () => Promise<{ readonly value: string }>
}

/** Where a cluster is and who asks. */
export interface KafkaConnectionOptions {
  /** `host:port` of some brokers, as a list or with commas between; the others are found through them. */
  readonly brokers: string | readonly string[]
  /** What brokers call this client, in logs and quotas. Default: `millrace-` and the node's name. */
  readonly clientId?: string
  /** TLS, the brokers' certificates checked. Default: none. */
  readonly ssl?: boolean | KafkaTlsOptions
  readonly sasl?: KafkaPasswordOptions | KafkaTokenOptions
  /** Default 10,000. */
  readonly connectTimeoutMs?: number
  /** How long to wait for an answer before the connection is given up. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** How long to try again what fails for a passing reason, before the job restarts. Default 120,000. */
  readonly retryMaxMs?: number
}

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

/** TLS options with the files read. */
export interface TlsSettings {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly servername?: string
}

/** Who asks, with the password read. */
export type SaslSettings =
  | { readonly mechanism: KafkaPasswordOptions['mechanism']; readonly username: string; readonly password: string }
  | KafkaTokenOptions

/** A connection's options, checked and complete. */
export interface ConnectionSettings {
  readonly brokers: readonly BrokerAddress[]
  readonly clientId: string | undefined
  readonly tls: TlsSettings | undefined
  readonly sasl: SaslSettings | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly retryMaxMs: number
}

const tlsFields = z.strictObject({
  ca: z.string().min(1).optional(),
  cert: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  servername: z.string().min(1).optional(),
})

const saslFields = z.discriminatedUnion('mechanism', [
  z.strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
    username: z.string().min(1),
    password: z.string().optional(),
    passwordEnv: z.string().min(1).optional(),
    passwordFile: z.string().min(1).optional(),
  }),
  z.strictObject({
    mechanism: z.literal('oauthbearer'),
    token: z.custom<KafkaTokenOptions['token']>((value) => typeof value === 'function', {
      error: 'expected a function that gives { value } of a token',
    }),
  }),
])

/** The fields of KafkaConnectionOptions, for the schemas of the connector's options. */
export const connectionFields = {
  brokers: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: "expected 'host:port,host:port' or ['host:port']",
  }),
  clientId: z.string().min(1).optional(),
  ssl: z.union([z.boolean(), tlsFields]).optional(),
  sasl: saslFields.optional(),
  connectTimeoutMs: z.int().min(1).default(10_000),
  requestTimeoutMs: z.int().min(100).default(30_000),
  retryMaxMs: z.int().min(0).default(120_000),
}

type ConnectionFields = z.output<z.ZodObject<typeof connectionFields>>
type Fail = (path: string, reason: string) => never

/** Where to connect to; reads the files and variables that are named. Throws CONNECTOR_OPTION; never says a password. */
export function connectionSettings(options: ConnectionFields, connector: string): ConnectionSettings {
  const fail: Fail = (path, reason) => {
    throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason })
  }
  const { clientId, connectTimeoutMs, requestTimeoutMs, retryMaxMs } = options
  return {
    brokers: addresses(options.brokers, fail),
    clientId,
    tls: tlsSettings(options.ssl, fail),
    sasl: saslSettings(options.sasl, fail),
    connectTimeoutMs,
    requestTimeoutMs,
    retryMaxMs,
  }
}

/** Checks connection options alone. Throws CONNECTOR_OPTION. */
export function parseConnectionOptions(options: KafkaConnectionOptions, connector: string): ConnectionSettings {
  return connectionSettings(parseOptions(z.strictObject(connectionFields), options, connector), connector)
}

function addresses(brokers: string | readonly string[], fail: Fail): BrokerAddress[] {
  const texts = typeof brokers === 'string' ? brokers.split(',') : brokers
  return texts.map((text) => {
    const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:[\]/@\s]+)):(\d{1,5})$/.exec(text.trim()) ?? []
    const host = bracketed ?? plain
    // What was written is not repeated whole: an address with a password before it is a likely mistake.
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535)
      return fail('brokers', `"${text.trim().replace(/^.*@/, '…@')}" is not host:port`)
    return { host, port: Number(port) }
  })
}

function tlsSettings(ssl: ConnectionFields['ssl'], fail: Fail): TlsSettings | undefined {
  if (ssl === undefined || ssl === false) return undefined
  if (ssl === true) return {}
  if ((ssl.cert === undefined) !== (ssl.key === undefined)) fail('ssl', 'cert and key belong together: give both')
  const file = (name: 'ca' | 'cert' | 'key') => {
    const path = ssl[name]
    return path !== undefined && { [name]: readFile(path, `ssl.${name}`, fail) }
  }
  return {
    ...file('ca'),
    ...file('cert'),
    ...file('key'),
    ...(ssl.servername !== undefined && { servername: ssl.servername }),
  }
}

function saslSettings(sasl: ConnectionFields['sasl'], fail: Fail): SaslSettings | undefined {
  if (sasl === undefined || sasl.mechanism === 'oauthbearer') return sasl
  const { mechanism, username, password, passwordEnv, passwordFile } = sasl
  const given = [password, passwordEnv, passwordFile].filter((one) => one !== undefined)
  if (given.length !== 1) fail('sasl.password', 'give it once: as password, passwordEnv (a variable) or passwordFile')
  if (passwordEnv !== undefined) {
    const value = process.env[passwordEnv]
    return {
      mechanism,
      username,
      password: value ?? fail('sasl.passwordEnv', `environment variable ${passwordEnv} is not set`),
    }
  }
  if (passwordFile === undefined) return { mechanism, username, password: password as string }
  const text = readFile(passwordFile, 'sasl.passwordFile', fail).toString('utf8')
  return { mechanism, username, password: text.replace(/\r?\n$/, '') }
}

function readFile(path: string, option: string, fail: Fail): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    return fail(option, reasonOf(error))
  }
}
