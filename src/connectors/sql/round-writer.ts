// RoundWriter: writes batches in rounds: one transaction on each of several connections at once, the next batch filling meanwhile.
//
// Owns: the lanes, the batch that fills, the round under way, the timer.
//
// I1. One round at a time: a key that comes again is written after what it was before.
// I2. At most one batch fills while one is written: then write() waits.
// I3. settled() returns when all that came is committed. An error of a round is thrown by the next call, and by each one after it.
// I4. With `whole` transactions nothing is committed between two changes of one transaction, unless settled() is called there or
//     nothing came for waitMs.

import type { Clock } from '../../util/clock.ts'
import { Batch, dealToLanes } from './batch.ts'
import type { SqlTable } from './dialect.ts'
import type { Lane } from './lane.ts'

export interface RoundWriterOptions<Table extends SqlTable> {
  readonly lanes: readonly Lane<Table>[]
  readonly clock: Clock
  /** Most changes of one round. */
  readonly rowsMax: number
  /** From the beginning of one round to that of the next, while there are fewer. */
  readonly waitMs: number
  /** Transactions of the source are kept whole; takes one lane. */
  readonly whole: boolean
}

export class RoundWriter<Table extends SqlTable> {
  readonly #options: RoundWriterOptions<Table>
  #batch = new Batch<Table>()
  #round: Promise<void> | undefined
  #error: unknown
  #began = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | undefined
  #transaction: string | undefined
  /** Changes since the last commit that are part of a transaction which may go on. */
  #uncommitted = false

  constructor(options: RoundWriterOptions<Table>) {
    this.#options = options
  }

  /** Where changes go. Call due() after some. */
  get batch(): Batch<Table> {
    return this.#batch
  }

  /** With `whole`: a change of this transaction comes. Call before it is put into the batch; wait if told so. */
  enter(transaction: string | undefined): void | Promise<void> {
    const isNew = transaction === undefined || transaction !== this.#transaction
    this.#transaction = transaction
    if (!isNew) return this.#batch.isFull(this.#options.rowsMax) ? this.#begin(false) : undefined
    if (this.#uncommitted || this.#batch.isFull(this.#options.rowsMax) || this.#leftMs() <= 0) return this.#begin(true)
  }

  /** Begins a round if it is time. Wait for what it gives before more is put into the batch. */
  due(): void | Promise<void> {
    if (this.#error !== undefined) throw this.#error
    if (this.#batch.changes === 0 && !this.#uncommitted) return
    if (this.#options.whole) return this.#arm(this.#options.waitMs)
    if (this.#batch.isFull(this.#options.rowsMax)) return this.#begin(true)
    if (this.#round !== undefined) return
    const leftMs = this.#leftMs()
    if (leftMs > 0) return this.#arm(leftMs)
    void this.#begin(true)
  }

  /** Returns when all that came is committed. */
  async settled(): Promise<void> {
    await this.#round
    if (this.#error !== undefined) throw this.#error
    if (this.#batch.changes > 0 || this.#uncommitted) await this.#begin(true)
    await this.#round
    if (this.#error !== undefined) throw this.#error
  }

  /** Gives up what is not committed. */
  close(): void {
    this.#cancelTimer?.()
    for (const lane of this.#options.lanes) lane.close()
  }

  #leftMs(): number {
    return this.#began + this.#options.waitMs - this.#options.clock.monotonic()
  }

  /** In `whole` mode the time starts over with each call: it is for the silence behind a transaction's last change. */
  #arm(delayMs: number): void {
    if (this.#cancelTimer !== undefined && !this.#options.whole) return
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.schedule(delayMs, () => {
      this.#cancelTimer = undefined
      if (this.#batch.changes > 0 || this.#uncommitted) void this.#begin(true)
    })
  }

  /** Takes the batch as soon as the round under way is done; returns when it is taken. Never rejects: see I3. */
  async #begin(commit: boolean): Promise<void> {
    while (this.#round !== undefined) await this.#round
    const batch = this.#batch
    if (this.#error !== undefined || (batch.changes === 0 && !(commit && this.#uncommitted))) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#began = this.#options.clock.monotonic()
    this.#batch = new Batch()
    this.#uncommitted = !commit
    this.#round = this.#write(batch, commit).then(
      () => this.#done(),
      (error: unknown) => {
        this.#error = error
        this.#round = undefined
      },
    )
  }

  async #write(batch: Batch<Table>, commit: boolean): Promise<void> {
    const { lanes } = this.#options
    if (lanes.length === 1) {
      await lanes[0]?.write(batch.works(), commit)
      return
    }
    const dealt = dealToLanes(batch.works(), lanes.length)
    const results = await Promise.allSettled(dealt.map((works, index) => lanes[index]?.write(works, commit)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** What came meanwhile is written when its time has come. */
  #done(): void {
    this.#round = undefined
    if (this.#batch.changes === 0 || this.#options.whole) return
    const leftMs = this.#leftMs()
    if (this.#batch.isFull(this.#options.rowsMax) || leftMs <= 0) void this.#begin(true)
    else this.#arm(leftMs)
  }
}
