// RxOperator: a user's RxJS pipeline, one life per epoch.
//
// Owns: the present pipeline (its input Subject, its subscription), records it emitted that were not yet passed on.
// Does not own: when epochs end (the machine), what the pipeline buffers inside itself.
//
// I1. A pipeline never sees records of two epochs: its input completes at the barrier and it is gone before the barrier passes.
// I2. Everything a pipeline emits is passed on before the barrier of its epoch: the barrier waits for its completion.
// I3. No pipeline exists before the first record of an epoch: an empty epoch emits nothing.
// I4. At most `recordsMax` records are in a pipeline: then its input completes and its output is awaited, as at a barrier.
// I5. Emissions outside a call of the machine only fill the buffer and wake; they are passed on in drain().

import type { Observable, Subject, Subscription } from 'rxjs'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { Counter } from '../contract/runtime-context.ts'
import { BATCH_RECORDS, type Batch, batchOf } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import { type Deferred, deferred } from '../util/deferred.ts'
import { userError, userErrorIn } from '../util/user-error.ts'

/** From the records of one epoch to what comes out of them. Called once per epoch that has records. */
export type RxPipeline<In, Out> = (in$: Observable<In>) => Observable<Out>

export interface RxOptions {
  /**
   * The most records one pipeline gets before its input completes even without a barrier. RxJS does not tell how much an
   * operator such as concatMap holds back: this is the bound on it. Default 100,000.
   */
  readonly recordsMax?: number
}

const RECORDS_MAX = 100_000
const SLOW_COMPLETION_MS = 10_000

interface Life<In> {
  readonly input: Subject<In>
  readonly done: Deferred
  subscription: Subscription | undefined
  completed: boolean
  records: number
}

/** Runs a pipeline epoch by epoch. */
export class RxOperator<In, Out> implements Operator {
  readonly #node: string
  readonly #pipeline: RxPipeline<In, Out>
  readonly #recordsMax: number
  #context: OperatorContext | undefined
  #Subject: typeof Subject | undefined
  #unread: Counter | undefined
  #life: Life<In> | undefined
  #emitted: Out[] = []
  #failure: { readonly error: unknown } | undefined
  #inCall = false

  constructor(node: string, pipeline: RxPipeline<In, Out>, options: RxOptions) {
    this.#node = node
    this.#pipeline = pipeline
    this.#recordsMax = options.recordsMax ?? RECORDS_MAX
  }

  async open(context: OperatorContext): Promise<void> {
    this.#context = context
    this.#unread = context.metrics.counter('rxUnread')
    // Here and not at the top: RxJS takes longer to load than all the rest of the language, and few jobs have pipelines.
    this.#Subject = (await import('rxjs')).Subject
  }

  process(batch: Batch, out: Output): void | Promise<void> {
    return this.#handIn(batch.values as readonly In[], 0, out)
  }

  drain(out: Output): void {
    this.#throwFailure()
    this.#flush(out)
  }

  finishEpoch(_id: number, out: Output): void | Promise<void> {
    return this.#finish(out)
  }

  endOfInput(out: Output): void | Promise<void> {
    return this.#finish(out)
  }

  close(): void {
    this.#life?.subscription?.unsubscribe()
    this.#life = undefined
    this.#emitted = []
  }

  /** Hands records in from `start` on; where the pipeline is full it is finished first, which may take time. */
  #handIn(values: readonly In[], start: number, out: Output): void | Promise<void> {
    let next = start
    while (next < values.length) {
      this.#life ??= this.#begin()
      const end = Math.min(values.length, next + this.#recordsMax - this.#life.records)
      this.#push(this.#life, values, next, end)
      next = end
      this.#flush(out)
      if (this.#life.records < this.#recordsMax) break
      const finished = this.#finish(out)
      if (finished !== undefined) return finished.then(() => this.#handIn(values, next, out))
    }
  }

  #push(life: Life<In>, values: readonly In[], start: number, end: number): void {
    let i = start
    this.#inCall = true
    try {
      for (; i < end && !life.completed; i += 1) life.input.next(values[i] as In)
    } finally {
      this.#inCall = false
    }
    life.records += end - start
    // A pipeline may complete on a record: that one was read.
    if (life.completed && i < end) this.#unread?.add(end - i)
    this.#throwFailure(values[Math.max(start, i - 1)])
  }

  #begin(): Life<In> {
    const input = new (present(this.#Subject, 'RxJS of an open operator'))<In>()
    const life: Life<In> = { input, done: deferred(), subscription: undefined, completed: false, records: 0 }
    const end = (): void => {
      life.completed = true
      life.done.resolve()
    }
    this.#inCall = true
    try {
      life.subscription = this.#pipeline(input.asObservable()).subscribe({
        next: (value) => this.#take(value),
        complete: end,
        error: (error: unknown) => {
          this.#failure = { error }
          end()
          if (!this.#inCall) this.#context?.wake()
        },
      })
    } catch (error) {
      throw userErrorIn(this.#node, 'the building of its pipeline', error)
    } finally {
      this.#inCall = false
    }
    this.#throwFailure()
    return life
  }

  #take(value: Out): void {
    this.#emitted.push(value)
    if (!this.#inCall && this.#emitted.length === 1) this.#context?.wake()
  }

  /** Completes the input, waits for the rest of the output, and forgets the pipeline. At once if it is synchronous. */
  #finish(out: Output): void | Promise<void> {
    const life = this.#life
    if (life === undefined) return this.drain(out)
    this.#inCall = true
    life.input.complete()
    this.#inCall = false
    if (life.completed) return this.#end(out)
    this.#flush(out)
    return this.#awaitEnd(life, out)
  }

  async #awaitEnd(life: Life<In>, out: Output): Promise<void> {
    const context = this.#context
    const cancel = context?.clock.schedule(SLOW_COMPLETION_MS, () =>
      context.logger.warn('the rx pipeline has not completed since its input did: a checkpoint waits for it', {
        node: this.#node,
        waitedMs: SLOW_COMPLETION_MS,
      }),
    )
    try {
      await life.done.promise
    } finally {
      cancel?.()
    }
    this.#end(out)
  }

  #end(out: Output): void {
    this.#life = undefined
    this.#throwFailure()
    this.#flush(out)
  }

  #flush(out: Output): void {
    const values = this.#emitted
    if (values.length === 0) return
    this.#emitted = []
    for (let start = 0; start < values.length; start += BATCH_RECORDS) {
      out.batch(batchOf(values.length <= BATCH_RECORDS ? values : values.slice(start, start + BATCH_RECORDS)))
    }
  }

  #throwFailure(record?: unknown): void {
    const failure = this.#failure
    if (failure === undefined) return
    if (record !== undefined) throw userError(this.#node, record, failure.error)
    throw userErrorIn(this.#node, 'an earlier record of its rx pipeline', failure.error)
  }
}
