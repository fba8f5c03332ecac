// Lane: one connection that writes, and goes on after whatever passes by itself.
//
// Owns: the connection and whether a transaction is open on it.
//
// I1. A step that begins its transaction is done again, from the beginning, while errors last that pass: it must be idempotent, or
//     look first whether it is in already, for a commit whose answer was lost may have been made.
// I2. A step that goes on with a transaction is never done again: what came before it is gone with the transaction. The job restarts.

import { MillraceError } from '../../errors.ts'
import { failpoint } from '../../util/failpoint.ts'
import type { Backoff } from './backoff.ts'
import type { SqlDialect, SqlSession, SqlTable } from './dialect.ts'
import type { TableWork } from './table-batch.ts'
import { type RowRefused, writeWorks, writeWorksCarefully } from './write-work.ts'

export interface LaneOptions<Table extends SqlTable> {
  readonly node: string
  readonly dialect: SqlDialect<Table>
  readonly backoff: Backoff
  readonly refused: RowRefused<Table>
  /** Something went wrong that is tried again. */
  readonly passing: (reason: string) => void
}

type Step<Table extends SqlTable, Result> = (session: SqlSession<Table>) => Promise<Result>

export class Lane<Table extends SqlTable> {
  readonly #options: LaneOptions<Table>
  #session: SqlSession<Table> | undefined
  #open = false
  #closed = false

  constructor(options: LaneOptions<Table>) {
    this.#options = options
  }

  /** Writes work, in the transaction that is open or a new one, and ends it if told so. Gives what was missing, as writeWorks does. */
  write(works: readonly TableWork<Table>[], commit: boolean): Promise<number> {
    return this.run((session) => this.writeIn(session, works), commit)
  }

  /** For a step of run(): writes work with its session. */
  async writeIn(session: SqlSession<Table>, works: readonly TableWork<Table>[]): Promise<number> {
    const { dialect, refused } = this.#options
    await session.savepoint()
    try {
      const missing = await writeWorks(session, works)
      failpoint('sql.write.after')
      return missing
    } catch (error) {
      if (dialect.classOf(error) !== 'row') throw error
    }
    await session.rollbackToSavepoint()
    return writeWorksCarefully(session, works, dialect, refused)
  }

  /** Runs a step in the transaction that is open or a new one, and ends it if told so. */
  async run<Result>(step: Step<Table, Result>, commit: boolean): Promise<Result> {
    const goesOn = this.#open
    const wait = this.#options.backoff.start()
    for (;;) {
      try {
        return await this.#attempt(step, commit)
      } catch (error) {
        await this.#afterFailure(error)
        if (goesOn || this.#closed || !this.#passes(error)) throw this.#failure(error)
        this.#options.passing(this.#options.dialect.explain(error))
        if (!(await wait())) throw this.#failure(error)
      }
    }
  }

  /** Gives up what is not committed. */
  close(): void {
    this.#closed = true
    this.#session?.close()
    this.#session = undefined
  }

  async #attempt<Result>(step: Step<Table, Result>, commit: boolean): Promise<Result> {
    this.#session ??= await this.#options.dialect.connect()
    if (this.#closed) this.close()
    const session = this.#session as SqlSession<Table>
    if (!this.#open) await session.begin()
    this.#open = true
    const result = await step(session)
    if (!commit) return result
    failpoint('sql.commit.before')
    await session.commit()
    failpoint('sql.commit.after')
    this.#open = false
    return result
  }

  /** Whatever failed, no transaction is open afterwards. */
  async #afterFailure(error: unknown): Promise<void> {
    this.#open = false
    const session = this.#session
    if (session === undefined) return
    const isLost = this.#options.dialect.classOf(error) === 'connect'
    const kept = !isLost && (await session.rollback().then(succeeded, failed))
    if (kept) return
    session.close()
    this.#session = undefined
  }

  #passes(error: unknown): boolean {
    const kind = this.#options.dialect.classOf(error)
    return kind === 'retry' || kind === 'connect'
  }

  #failure(error: unknown): unknown {
    if (error instanceof MillraceError) return error
    return new MillraceError(
      'SINK_FAILED',
      { node: this.#options.node, reason: this.#options.dialect.explain(error) },
      error,
    )
  }
}

const succeeded = (): boolean => true
const failed = (): boolean => false
