// ControlConnection: the connection by which a sink looks at tables, makes and alters them.

import { MillraceError } from '../../../errors.ts'
import type { Backoff } from '../../sql/backoff.ts'
import { type ConnectionSettings, MysqlConnection } from '../connection.ts'
import { classOfError, explainError } from './server-error.ts'
import { DEFINITION_MODE } from './sql-mode.ts'

export interface ControlOptions {
  readonly settings: ConnectionSettings
  readonly node: string
  readonly backoff: Backoff
  /** Something went wrong that is tried again. */
  readonly passing: (reason: string) => void
}

export class ControlConnection {
  readonly #options: ControlOptions
  #connection: MysqlConnection | undefined
  #closed = false

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** Does the work, again from its beginning while the server is away or a table is locked. */
  async run<Result>(work: (connection: MysqlConnection) => Promise<Result>): Promise<Result> {
    const wait = this.#options.backoff.start()
    for (;;) {
      try {
        if (this.#connection?.lost !== undefined) this.#drop()
        this.#connection ??= await this.#connect()
        return await work(this.#connection)
      } catch (error) {
        const kind = classOfError(error)
        if (kind === 'connect') this.#drop()
        if (this.#closed || (kind !== 'connect' && kind !== 'retry')) throw this.#failure(error)
        this.#options.passing(explainError(error))
        if (!(await wait())) throw this.#failure(error)
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#drop()
  }

  #drop(): void {
    this.#connection?.close()
    this.#connection = undefined
  }

  async #connect(): Promise<MysqlConnection> {
    const connection = await MysqlConnection.open(this.#options.settings)
    try {
      await connection.run(
        `SET SESSION sql_mode = '${DEFINITION_MODE}', foreign_key_checks = 0, lock_wait_timeout = 50, autocommit = 1`,
      )
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  #failure(error: unknown): unknown {
    if (error instanceof MillraceError) return error
    return new MillraceError('SINK_FAILED', { node: this.#options.node, reason: explainError(error) }, error)
  }
}
