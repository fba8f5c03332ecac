// One session with a MySQL or MariaDB server, set up so that what it says does not depend on the server's defaults.

import { readFileSync } from 'node:fs'
import mysql, { type Connection, type ConnectionOptions, type ResultSetHeader } from 'mysql2'
import { z } from 'zod'
import { MillraceError, reasonOf } from '../../errors.ts'
import { parseOptions } from '../cdc/parse-options.ts'

/** Certificates, by file: `ca` proves the server, `cert` and `key` prove the client. */
export interface TlsOptions {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Where a server is and who asks. The password is given, or named by an environment variable or a file. */
export interface MysqlConnectionOptions {
  /** `mysql://user:password@host:port/database`; instead of host, port, user, password and database. */
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly passwordEnv?: string
  readonly passwordFile?: string
  readonly database?: string
  /** TLS, the server's certificate checked. Default: none. */
  readonly tls?: boolean | TlsOptions
  /** Default 30,000. */
  readonly connectTimeoutMs?: number
}

/** A connection's options, checked and complete. */
export interface ConnectionSettings {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string | undefined
  readonly tls: TlsOptions | undefined
  readonly connectTimeoutMs: number
}

/** The fields of MysqlConnectionOptions, for the schemas of the connector's options. */
export const connectionFields = {
  url: z.string().min(1).optional(),
  host: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).optional(),
  user: z.string().min(1).optional(),
  password: z.string().optional(),
  passwordEnv: z.string().min(1).optional(),
  passwordFile: z.string().min(1).optional(),
  database: z.string().min(1).optional(),
  tls: z
    .union([
      z.boolean(),
      z.strictObject({ ca: z.string().optional(), cert: z.string().optional(), key: z.string().optional() }),
    ])
    .optional(),
  connectTimeoutMs: z.int().min(1).optional(),
}

type ConnectionFields = z.output<z.ZodObject<typeof connectionFields>>

/** Where to connect to. Throws CONNECTOR_OPTION; never says a password. */
export function connectionSettings(options: ConnectionFields, connector: string): ConnectionSettings {
  const fail = (path: string, reason: string): never => {
    throw new MillraceError('CONNECTOR_OPTION', { path, connector, reason })
  }
  const url = options.url === undefined ? undefined : parseUrl(options.url, fail)
  for (const name of ['host', 'port', 'user', 'database'] as const)
    if (url !== undefined && options[name] !== undefined) fail(name, 'it is said by url already: leave one of them out')
  const user = url?.user ?? options.user
  return {
    host: url?.host ?? options.host ?? '127.0.0.1',
    port: url?.port ?? options.port ?? 3306,
    user: user ?? fail('user', 'expected the name of an account, here or in url'),
    password: passwordOf(options, url?.password, fail),
    database: url?.database ?? options.database,
    tls: options.tls === true ? {} : options.tls === false ? undefined : options.tls && plain(options.tls),
    connectTimeoutMs: options.connectTimeoutMs ?? 30_000,
  }
}

/** Checks connection options alone. Throws CONNECTOR_OPTION. */
export function parseConnectionOptions(options: MysqlConnectionOptions, connector: string): ConnectionSettings {
  return connectionSettings(parseOptions(z.strictObject(connectionFields), options, connector), connector)
}

interface UrlParts {
  readonly host: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
}

function parseUrl(text: string, fail: (path: string, reason: string) => never): UrlParts {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '')
    return fail('url', 'expected mysql://user:password@host:port/database')
  if (url.search !== '' || url.hash !== '')
    return fail('url', 'nothing may follow the database: give other options beside it')
  const part = (value: string): string | undefined => (value === '' ? undefined : decodeURIComponent(value))
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    user: part(url.username),
    password: part(url.password),
    database: part(url.pathname.slice(1)),
  }
}

function passwordOf(
  { password, passwordEnv, passwordFile }: ConnectionFields,
  inUrl: string | undefined,
  fail: (path: string, reason: string) => never,
): string {
  const given = [inUrl, password, passwordEnv, passwordFile].filter((one) => one !== undefined)
  if (given.length > 1) return fail('password', 'give it once: in url, or as password, passwordEnv or passwordFile')
  if (passwordEnv !== undefined)
    return process.env[passwordEnv] ?? fail('passwordEnv', `environment variable ${passwordEnv} is not set`)
  if (passwordFile === undefined) return inUrl ?? password ?? ''
  try {
    return readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    return fail('passwordFile', reasonOf(error))
  }
}

function plain(tls: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined }): TlsOptions {
  return Object.fromEntries(Object.entries(tls).filter(([, file]) => file !== undefined))
}

/** mysql2's options for these settings. */
function driverOptions({ host, port, user, password, database, tls, connectTimeoutMs }: ConnectionSettings) {
  const options: ConnectionOptions = { host, port, user, password, connectTimeout: connectTimeoutMs }
  if (database !== undefined) options.database = database
  const read = (file: string | undefined) => (file === undefined ? {} : readFileSync(file))
  if (tls !== undefined)
    options.ssl = Object.fromEntries(
      Object.entries(tls).map(([name, file]) => [name, read(file as string)]),
    ) as NonNullable<ConnectionOptions['ssl']>
  return options
}

/** A row as an array: integers of 64 bits and decimals as strings, times and JSON as the server prints them, bytes as a Buffer. */
export type RawRow = unknown[]

export class MysqlConnection {
  readonly #connection: Connection
  #lost: Error | undefined

  private constructor(connection: Connection) {
    this.#connection = connection
    connection.on('error', (error: Error) => {
      this.#lost = error
    })
  }

  /** Times in UTC, no SQL mode, utf8mb4. Throws the driver's error. */
  static async open(settings: ConnectionSettings, extra: ConnectionOptions = {}): Promise<MysqlConnection> {
    const connection = mysql.createConnection({
      ...driverOptions(settings),
      charset: 'utf8mb4_bin',
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      jsonStrings: true,
      ...extra,
    })
    const session = new MysqlConnection(connection)
    try {
      await session.query("SET SESSION time_zone = '+00:00', sql_mode = '', wait_timeout = 86400")
    } catch (error) {
      connection.destroy()
      throw error
    }
    return session
  }

  /** The connection was lost while nothing was asked. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /** mysql2's own object, for what this class does not wrap. */
  get driver(): Connection {
    return this.#connection
  }

  /** Rows of a statement, by the text protocol. */
  query(sql: string, parameters: readonly unknown[] = []): Promise<RawRow[]> {
    return new Promise((resolve, reject) => {
      this.#connection.query(sql, parameters as unknown[], (error, rows) =>
        error === null ? resolve(rows as unknown as RawRow[]) : reject(error),
      )
    })
  }

  /** Rows of a prepared statement, by the binary protocol. */
  execute(sql: string, parameters: readonly unknown[] = []): Promise<RawRow[]> {
    return new Promise((resolve, reject) => {
      this.#connection.execute(sql, parameters as (string | null)[], (error, rows) =>
        error === null ? resolve(rows as unknown as RawRow[]) : reject(error),
      )
    })
  }

  /** A statement that gives no rows. */
  async run(sql: string, parameters: readonly unknown[] = []): Promise<ResultSetHeader> {
    return (await this.query(sql, parameters)) as unknown as ResultSetHeader
  }

  /** The first row, or undefined. */
  async first(sql: string, parameters: readonly unknown[] = []): Promise<RawRow | undefined> {
    return (await this.query(sql, parameters))[0]
  }

  /** Ends whatever is under way, at once. */
  close(): void {
    this.#connection.destroy()
  }
}

/** Quotes a name for SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
