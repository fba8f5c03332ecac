// EpochWriter: writes epochs over one connection, each in one transaction that also sets the marker.
//
// I1. The marker is looked at in the transaction that writes, its row locked: an epoch that a dying worker still got in is left be.
// I2. Changes of tables end a transaction in most databases, so what comes before one is committed with its own marker, which counts
//     the epoch's records: after a crash the epoch goes on behind them. Changes of tables are repeatable themselves.
// I3. What fits one batch is tried again whole; a longer epoch that fails midway is left to the restart.

import { MillraceError } from '../../errors.ts'
import { failpoint } from '../../util/failpoint.ts'
import { Batch } from './batch.ts'
import type { EpochMarker, SqlTable } from './dialect.ts'
import type { Lane } from './lane.ts'

/** What records are, to the writer. */
export interface EpochRecords<T, Table extends SqlTable> {
  /** Puts what a record changes in rows into the batch. */
  put(record: T, batch: Batch<Table>): void
  /** The record may change a table itself. */
  isStructural(record: T): boolean
  /** What a structural record asks to be done, when all before it is committed; undefined if nothing. `again`: it was
   * done before, and so was what follows: only what must be known of it is wanted. */
  workOf(record: T, again: boolean): (() => Promise<void>) | undefined
}

export interface EpochWriterOptions<T, Table extends SqlTable> {
  readonly node: string
  readonly lane: Lane<Table>
  readonly records: EpochRecords<T, Table>
  /** Most changes in memory. */
  readonly rowsMax: number
  /** So many rows to delete were not there. */
  readonly missing: (rows: number) => void
}

export class EpochWriter<T, Table extends SqlTable> {
  readonly #options: EpochWriterOptions<T, Table>

  constructor(options: EpochWriterOptions<T, Table>) {
    this.#options = options
  }

  /** The last epoch that is in, -1 if none. */
  async lastEpoch(writer: string): Promise<number> {
    return (await this.#options.lane.run((session) => session.marker(writer), true)).epoch
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly T[]>): Promise<void> {
    const { lane } = this.#options
    const marker = await lane.run((session) => session.marker(writer), true)
    if (marker.epoch >= epoch) return
    const run = new EpochRun(this.#options, writer, epoch, marker)
    for await (const records of batches) for (const record of records) await run.take(record)
    await run.finish()
  }
}

/** One epoch on its way. */
class EpochRun<T, Table extends SqlTable> {
  readonly #options: EpochWriterOptions<T, Table>
  readonly #writer: string
  readonly #epoch: number
  /** As the target has it while no transaction is open. */
  #marker: EpochMarker
  #batch = new Batch<Table>()
  #count = 0
  #open = false

  constructor(options: EpochWriterOptions<T, Table>, writer: string, epoch: number, marker: EpochMarker) {
    this.#options = options
    this.#writer = writer
    this.#epoch = epoch
    this.#marker = marker
  }

  take(record: T): void | Promise<void> {
    const { records, rowsMax } = this.#options
    if (records.isStructural(record)) return this.#takeStructural(record)
    this.#count += 1
    if (this.#isIn) return
    records.put(record, this.#batch)
    if (this.#batch.isFull(rowsMax)) return this.#write(undefined)
  }

  async finish(): Promise<void> {
    await this.#write({ epoch: this.#epoch, part: { epoch: -1, records: 0 } })
  }

  /** The record counted last was committed with an earlier part. */
  get #isIn(): boolean {
    const { part } = this.#marker
    return part.epoch === this.#epoch && this.#count <= part.records
  }

  async #takeStructural(record: T): Promise<void> {
    this.#count += 1
    const work = this.#options.records.workOf(record, this.#isIn)
    if (work !== undefined) {
      const before = { epoch: this.#epoch, records: this.#count - 1 }
      if (this.#batch.changes > 0 || this.#open) await this.#write({ epoch: this.#marker.epoch, part: before })
      failpoint('sql.part.after')
      await work()
    }
  }

  /** With a marker: the transaction's last rows. */
  async #write(marker: EpochMarker | undefined): Promise<void> {
    const { lane, missing, node } = this.#options
    const works = this.#batch.works()
    const isFirst = !this.#open
    const result = await lane.run(async (session) => {
      if (isFirst && !isSame(await session.marker(this.#writer), this.#marker)) return undefined
      const absent = await lane.writeIn(session, works)
      if (marker !== undefined) await session.setMarker(this.#writer, marker)
      return absent
    }, marker !== undefined)
    if (result === undefined) return this.#settle(marker, node)
    if (result > 0) missing(result)
    this.#batch = new Batch()
    this.#open = marker === undefined
    this.#marker = marker ?? this.#marker
  }

  /** Another one wrote the marker: this very transaction, if the answer to its commit was lost. */
  async #settle(marker: EpochMarker | undefined, node: string): Promise<void> {
    const there = await this.#options.lane.run((session) => session.marker(this.#writer), true)
    if (marker === undefined || !isSame(there, marker)) {
      const reason = `its ledger moved on while epoch ${this.#epoch} was written: another worker of this job was still at it`
      throw new MillraceError('SINK_FAILED', { node, reason })
    }
    this.#batch = new Batch()
    this.#open = false
    this.#marker = marker
  }
}

function isSame(a: EpochMarker, b: EpochMarker): boolean {
  return a.epoch === b.epoch && a.part.epoch === b.part.epoch && a.part.records === b.part.records
}
