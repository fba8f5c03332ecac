// ObservableSource: a source that is pushed to. What comes is queued, in a log if the job is to be exactly-once.
//
// Owns (its reader): the subscription, the queue, and how far each checkpoint had read.
// Does not own: what the Observable does before it is subscribed to, or pushes while nobody is.
//
// I1. With a log, a record that was taken over is given to the job exactly once, however often it restarts (PushQueue).
// I2. The log is cut only before positions of checkpoints that have completed, `keepCheckpoints` of them back.

import type { Observable, Subscription } from 'rxjs'
import { msgpackCodec } from '../codec/msgpack-codec.ts'
import type { ValueCodec } from '../codec/value-codec.ts'
import type { RuntimeContext } from '../contract/runtime-context.ts'
import type { ReaderContext, SourceSplit } from '../contract/source-function.ts'
import { type SplitRead, type SplitReader, SplitSource } from '../contract/split-source.ts'
import { MillraceError, reasonOf } from '../errors.ts'
import { batchOf } from '../record/batch.ts'
import { LogPushQueue, MemoryPushQueue, type PushQueue } from './push-queue.ts'

export interface PushLogOptions<T> {
  /** How records are kept. Default msgpack: a class instance comes out as a plain object. */
  readonly codec?: ValueCodec<T>
  /** The log's size beyond which the job fails rather than lose a record. Default 1 GiB. */
  readonly bytesMax?: number
  /** For how many completed checkpoints back the log can be read again (--from-checkpoint). Default 3, as many as are retained. */
  readonly keepCheckpoints?: number
}

export interface FromObservableOptions<T> {
  /**
   * Keep each record in a log on disk before the job sees it: exactly-once from the moment it was pushed. Without it a record that
   * waits in memory at a crash is lost, so that only at-least-once jobs accept such a source.
   */
  readonly log?: boolean | PushLogOptions<T>
  /** Without a log: the most records that wait in memory; one more fails the job. Default 100,000. */
  readonly recordsMax?: number
  /** Does the Observable complete? Default false. Either way the source ends when it does. */
  readonly bounded?: boolean
}

interface PushSplit extends SourceSplit {
  /** The number of the next record; undefined at a fresh start: the oldest in the log. */
  readonly next: number | undefined
  /** The Observable has completed and all it pushed is in the log: it is not subscribed to again. */
  readonly completed: boolean
}

const RECORDS_MAX = 100_000
const LOG_BYTES_MAX = 2 ** 30
const KEEP_CHECKPOINTS = 3

/**
 * A source from an Observable. `factory` is called when the job starts, and again after each restart: what it pushes while the job is
 * down is not seen. It should push what happens now, not replay what it pushed before. Runs in one subtask.
 */
export function fromObservable<T>(
  factory: () => Observable<T>,
  options: FromObservableOptions<T> = {},
): SplitSource<T, PushSplit> {
  return new ObservableSource(factory, options)
}

class ObservableSource<T> extends SplitSource<T, PushSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  override readonly replayable: boolean
  override readonly endsInBatch: boolean
  readonly #factory: () => Observable<T>
  readonly #options: FromObservableOptions<T>

  constructor(factory: () => Observable<T>, options: FromObservableOptions<T>) {
    super()
    this.#factory = factory
    this.#options = options
    this.boundedness = options.bounded === true ? 'bounded' : 'unbounded'
    this.endsInBatch = options.bounded === true
    this.replayable = options.log !== undefined && options.log !== false
  }

  protected override splits(): readonly PushSplit[] {
    return [{ id: 'pushed', next: undefined, completed: false }]
  }

  protected override createSplitReader(context: ReaderContext, wake: () => void): SplitReader<T, PushSplit> {
    const { log = false, recordsMax = RECORDS_MAX } = this.#options
    const { node } = context
    if (log === false) {
      return new PushReader(this.#factory, new MemoryPushQueue<T>(node, recordsMax, wake), { context, wake, keep: 0 })
    }
    const {
      codec = msgpackCodec,
      bytesMax = LOG_BYTES_MAX,
      keepCheckpoints = KEEP_CHECKPOINTS,
    } = log === true ? {} : log
    const queue = new LogPushQueue<T>({ node, directory: context.directory, codec, bytesMax, wake })
    return new PushReader(this.#factory, queue, { context, wake, keep: keepCheckpoints })
  }
}

interface PushReaderOptions {
  readonly context: RuntimeContext
  readonly wake: () => void
  readonly keep: number
}

class PushReader<T> implements SplitReader<T, PushSplit> {
  readonly #factory: () => Observable<T>
  readonly #queue: PushQueue<T>
  readonly #options: PushReaderOptions
  #opened = false
  #subscription: Subscription | undefined
  #completed = false
  #failure: { readonly error: unknown } | undefined
  /** Positions of checkpoints that are under way, and of those that completed, oldest first. */
  readonly #underWay = new Map<number, number>()
  readonly #complete: number[] = []

  constructor(factory: () => Observable<T>, queue: PushQueue<T>, options: PushReaderOptions) {
    this.#factory = factory
    this.#queue = queue
    this.#options = options
  }

  async read(split: PushSplit, maxRecords: number): Promise<SplitRead<T, PushSplit>> {
    if (!this.#opened) await this.#open(split)
    const position = split.next ?? this.#queue.first
    const values = await this.#queue.take(position, maxRecords)
    const next = position + values.length
    const completed = this.#completed && this.#queue.isDrained(next)
    if (values.length > 0) return { batch: batchOf(values), next: { ...split, next, completed } }
    if (this.#failure !== undefined) throw this.#failure.error
    return completed ? 'end' : { waitMs: Number.POSITIVE_INFINITY, next: { ...split, next } }
  }

  snapshotted(checkpoint: number, splits: readonly PushSplit[]): void {
    const position = splits[0]?.next
    if (position !== undefined) this.#underWay.set(checkpoint, position)
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    const position = this.#underWay.get(checkpoint)
    for (const older of this.#underWay.keys()) if (older <= checkpoint) this.#underWay.delete(older)
    if (position === undefined) return
    this.#complete.push(position)
    if (this.#complete.length <= this.#options.keep) return
    await this.#queue.release(this.#complete.shift() ?? 0)
  }

  async close(): Promise<void> {
    this.#subscription?.unsubscribe()
    await this.#queue.close()
  }

  async #open(split: PushSplit): Promise<void> {
    await this.#queue.open(split.next)
    this.#opened = true
    this.#completed = split.completed
    if (!split.completed) this.#subscribe()
  }

  #subscribe(): void {
    const fail = (error: unknown): void => {
      const details = { node: this.#options.context.node, reason: reasonOf(error) }
      this.#failure ??= {
        error: error instanceof MillraceError ? error : new MillraceError('SOURCE_FAILED', details, error),
      }
      this.#subscription?.unsubscribe()
      this.#options.wake()
    }
    this.#subscription = this.#factory().subscribe({
      next: (value) => {
        // What next() throws would be thrown at the whole process by RxJS.
        try {
          if (this.#failure === undefined) this.#queue.push(value)
        } catch (error) {
          fail(error)
        }
      },
      error: fail,
      complete: () => {
        this.#completed = true
        this.#options.wake()
      },
    })
  }
}
