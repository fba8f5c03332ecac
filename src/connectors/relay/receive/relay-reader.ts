// RelayReader: reads the streams of one subtask from the files that the enumerator's thread writes.
//
// Owns: the queues of its splits, whose turn it is, what was read and the enumerator does not know yet.
// Does not own: which splits it has (the enumerator and the machine), what can be read (what the enumerator tells).
//
// I1. A position moves with the batch that read up to it, in the poll() that gives it: snapshot() is right between any two polls.
// I2. Streams take turns: one that always has records does not starve another. A batch is of one stream.
// I3. A split that was read to its end stays in the snapshots until a complete checkpoint of the enumerator has it.
// I4. What is held is bounded: a stream is fetched when little of it is left, and one at a time.

import { join } from 'node:path'
import type { Polled, ReaderContext, SourceReader } from '../../../contract/source-function.ts'
import { ERRORS, type ErrorCode, MillraceError } from '../../../errors.ts'
import { BATCH_RECORDS, batchOf } from '../../../record/batch.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import type { RecordCodec } from '../queue/record-codec.ts'
import { type EnumeratorEvent, type Position, type ReaderEvent, type RelaySplit, STORE_FOLDER } from './relay-split.ts'
import { SplitQueue } from './split-queue.ts'

/** At a time, of one stream. */
const FETCH_BYTES = 1 << 20
/** Of all streams that are read. */
const BUFFER_BYTES_MAX = 3 << 20
const REPORT_MS = 500

export class RelayReader<T> implements SourceReader<T, RelaySplit> {
  readonly #context: ReaderContext
  readonly #codec: RecordCodec<T>
  readonly #root: string
  #queues: SplitQueue<T>[] = []
  readonly #finished = new Map<string, RelaySplit>()
  /** Positions of checkpoints that are not complete. */
  readonly #snapshots = new Map<number, readonly Position[]>()
  #failure: { readonly error: unknown } | undefined
  #turn = 0
  #fetchTurn = 0
  #fetching: Promise<void> | undefined
  #lastSplit: string | undefined
  #paused: ReadonlySet<string> = new Set()
  #cancelReport: (() => void) | undefined
  /** Something came since the last poll began, which may have missed it. */
  #news = false
  #waiting: Deferred | undefined
  #closed = false

  constructor(context: ReaderContext, codec: RecordCodec<T>) {
    this.#context = context
    this.#codec = codec
    this.#root = join(context.directory, STORE_FOLDER)
  }

  addSplits(splits: readonly RelaySplit[]): void {
    for (const split of splits) this.#queues.push(new SplitQueue(split, this.#root, this.#codec))
    this.#send({ type: 'have', positions: splits.map(({ id, sequence }) => ({ id, sequence })) })
  }

  /** There may always be more. */
  noMoreSplits(): void {}

  onEvent(event: unknown): void | Promise<void> {
    const told = event as EnumeratorEvent
    if (told.type === 'failed') throw this.#failureOf(told)
    if (told.type === 'forget') return this.#forget(told.ids)
    for (const end of told.ends) this.#queues.find(({ split }) => split.id === end.id)?.extend(end)
    this.#finish()
    this.#fetch()
    this.#reportSoon()
    this.#tell()
  }

  get lastSplit(): string | undefined {
    return this.#lastSplit
  }

  pauseSplits(ids: ReadonlySet<string>): void {
    this.#paused = ids
    this.#fetch()
    this.#tell()
  }

  poll(maxRecords: number): Polled<T> {
    this.#news = false
    if (this.#failure !== undefined) throw this.#failure.error
    const queue = this.#nextQueue()
    if (queue === undefined) return 'idle'
    const records = queue.take(Math.min(maxRecords, BATCH_RECORDS))
    this.#lastSplit = queue.split.id
    if (queue.isFinished) this.#finish()
    this.#fetch()
    this.#reportSoon()
    return batchOf(records)
  }

  available(): Promise<void> {
    if (this.#news || this.#closed) return Promise.resolve()
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  snapshot(checkpoint: number): readonly RelaySplit[] {
    const splits = [...this.#queues.map(({ snapshot }) => snapshot), ...this.#finished.values()]
    this.#snapshots.set(
      checkpoint,
      splits.map(({ id, sequence }) => ({ id, sequence })),
    )
    return splits
  }

  checkpointComplete(checkpoint: number): void {
    const positions = this.#snapshots.get(checkpoint)
    for (const older of this.#snapshots.keys()) if (older <= checkpoint) this.#snapshots.delete(older)
    if (positions !== undefined && positions.length > 0) this.#send({ type: 'complete', positions })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelReport?.()
    this.#tell()
    await this.#fetching
    await Promise.all(this.#queues.map((queue) => queue.close()))
  }

  /** Whose turn it is of those that have records. */
  #nextQueue(): SplitQueue<T> | undefined {
    for (let i = 0; i < this.#queues.length; i += 1) {
      this.#turn = (this.#turn + 1) % this.#queues.length
      const queue = this.#queues[this.#turn] as SplitQueue<T>
      if (queue.hasRecords && !this.#paused.has(queue.split.id)) return queue
    }
    return undefined
  }

  /** Streams that are read to their ends leave. */
  #finish(): void {
    const done = this.#queues.filter(({ isFinished }) => isFinished)
    if (done.length === 0) return
    this.#queues = this.#queues.filter(({ isFinished }) => !isFinished)
    for (const queue of done) {
      this.#finished.set(queue.split.id, queue.snapshot)
      this.#context.splitFinished(queue.split.id)
      // Nothing is being fetched of it: all of it was taken.
      void queue.close().catch((error: unknown) => this.#fail(error))
    }
    this.#send({ type: 'read', progress: done.flatMap(({ progress }) => progress ?? []) })
    this.#send({ type: 'finished', ids: done.map(({ split }) => split.id) })
  }

  /** The enumerator has it in a complete checkpoint that they were read out, or had before this job was restored. */
  #forget(ids: readonly string[]): Promise<void> | undefined {
    for (const id of ids) this.#finished.delete(id)
    const gone = this.#queues.filter(({ split }) => ids.includes(split.id))
    if (gone.length === 0) return undefined
    this.#queues = this.#queues.filter((queue) => !gone.includes(queue))
    for (const { split } of gone) this.#context.splitFinished(split.id)
    return Promise.all(gone.map((queue) => queue.close())).then(() => {})
  }

  #fetch(): void {
    if (this.#fetching !== undefined || this.#closed || this.#failure !== undefined) return
    const queue = this.#nextToFetch()
    if (queue === undefined) return
    this.#fetching = queue.fetch(FETCH_BYTES).then(
      () => this.#fetched(),
      (error: unknown) => {
        this.#fetching = undefined
        this.#fail(error)
      },
    )
  }

  #fetched(): void {
    this.#fetching = undefined
    this.#fetch()
    this.#tell()
  }

  #nextToFetch(): SplitQueue<T> | undefined {
    const read = this.#queues.filter(({ split }) => !this.#paused.has(split.id))
    if (read.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0) > BUFFER_BYTES_MAX) return undefined
    for (let i = 0; i < read.length; i += 1) {
      this.#fetchTurn = (this.#fetchTurn + 1) % read.length
      const queue = read[this.#fetchTurn] as SplitQueue<T>
      if (queue.hasMore && queue.bufferedBytes < FETCH_BYTES) return queue
    }
    return undefined
  }

  #reportSoon(): void {
    if (this.#closed) return
    this.#cancelReport ??= this.#context.clock.schedule(REPORT_MS, () => {
      this.#cancelReport = undefined
      this.#report()
    })
  }

  #report(): void {
    const progress = this.#queues.flatMap((queue) => queue.progress ?? [])
    this.#send({ type: 'read', progress })
    this.#context.reportProgress(
      this.#queues.map(({ split, progress, records }) => ({
        item: `${split.sender} ${split.stream}`,
        done: progress?.record ?? 0,
        total: records,
        unit: 'records',
      })),
    )
  }

  #send(event: ReaderEvent): void {
    this.#context.sendToEnumerator(event)
  }

  #failureOf({ code, details, reason }: Extract<EnumeratorEvent, { type: 'failed' }>): MillraceError {
    if (code !== undefined && code in ERRORS) return new MillraceError(code as ErrorCode, details)
    return new MillraceError('SOURCE_FAILED', { node: this.#context.node, reason })
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#tell()
  }

  #tell(): void {
    this.#news = true
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
