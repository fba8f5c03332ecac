// AsyncOperator: asks an outside service about each record, many at a time.
//
// Owns: the records that wait for their call, how many are under way.
// Does not own: timeouts and repeated calls (Retries), the order in which answers go on (AsyncResults).
//
// I1. At most `capacity` records have been asked about and not passed on. Others wait, one batch at most: then the input waits.
// I2. A checkpoint does not wait for answers: what is not answered is in it, and is asked again after a restore.
// I3. Answers never pass a watermark that their records came before, nor the other way round.
// I4. Answers outside a call of the machine only wake; they are passed on in drain(), or by whoever waits for them.

import { AsyncFunction, type CallContext } from '../contract/async-function.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { checkCount } from '../time/window.ts'
import { type Deferred, deferred } from '../util/deferred.ts'
import { userError } from '../util/user-error.ts'
import { type AsyncRequest, AsyncResults, type SavedItem } from './async-results.ts'
import { type CallOptions, checkCallOptions, Retries, TimedOut } from './retries.ts'
import { claim, type FunctionOrFactory, instanceOf } from './user-function.ts'

/** A lambda where an AsyncFunction is wanted. */
export type AsyncLambda<In, Out> = (value: In, context: CallContext) => Promise<Out>

/** The AsyncFunction of a lambda: nothing to open or close. */
class LambdaAsyncFunction<In, Out> extends AsyncFunction<In, Out> {
  readonly #lambda: AsyncLambda<In, Out>

  constructor(lambda: AsyncLambda<In, Out>) {
    super()
    this.#lambda = lambda
  }

  override invoke(value: In, context: CallContext): Promise<Out> {
    return this.#lambda(value, context)
  }
}

/** A lambda takes the record; a function without parameters is a factory; the rest are objects. Throws GRAPH_BAD_FUNCTION. */
export function asyncFunctionOf<In, Out>(
  node: string,
  given: FunctionOrFactory<AsyncFunction<In, Out>> | AsyncLambda<In, Out>,
): AsyncFunction<In, Out> {
  if (typeof given === 'function' && given.length > 0) return new LambdaAsyncFunction(given as AsyncLambda<In, Out>)
  const made = instanceOf(node, given as FunctionOrFactory<AsyncFunction<In, Out>>)
  if (typeof made.invoke === 'function') return made
  const expected = 'an AsyncFunction, a factory of one, or a lambda (record) => promise'
  throw new MillraceError('GRAPH_BAD_FUNCTION', { node, what: 'something without invoke()', expected })
}

/** Options of asynchronous calls. */
export interface AsyncOptions<In, Out> extends CallOptions {
  /** How many records may be under way in one subtask. Default 100. */
  readonly capacity?: number
  /** The answer in place of one that did not come in time, after all attempts. Default: the job fails, and restarts. */
  readonly onTimeout?: (value: In) => Out
}

const CAPACITY = 100

/** Throws CONFIG_INVALID, which names the node and the option. */
export function checkAsyncOptions(node: string, options: AsyncOptions<never, unknown>): void {
  checkCallOptions(node, options)
  if (options.capacity !== undefined) checkCount(node, 'capacity', options.capacity)
}

interface Saved {
  readonly parallelism: number
  readonly items: readonly SavedItem[]
}

/** See the head of this file. */
export class AsyncOperator<In, Out> implements Operator {
  readonly ownsWatermarks = true
  readonly #node: string
  readonly #fn: AsyncFunction<In, Out>
  readonly #options: AsyncOptions<In, Out>
  readonly #capacity: number
  readonly #results: AsyncResults
  #context: OperatorContext | undefined
  #retries: Retries | undefined
  /** Not yet asked about. */
  #waiting: AsyncRequest[] = []
  #nextWaiting = 0
  /** Asked about and not passed on. */
  #underWay = 0
  #failure: { readonly error: unknown } | undefined
  /** Resolved by an answer, while a call of the machine waits for one. */
  #answer: Deferred | undefined

  constructor(
    node: string,
    fn: AsyncFunction<In, Out>,
    order: 'ordered' | 'unordered',
    options: AsyncOptions<In, Out>,
  ) {
    this.#node = node
    this.#fn = fn
    this.#options = options
    this.#capacity = options.capacity ?? CAPACITY
    this.#results = new AsyncResults(order === 'ordered')
  }

  async open(context: OperatorContext): Promise<void> {
    claim(this.#node, this.#fn)
    await this.#fn.open(context)
    this.#context = context
    this.#retries = new Retries(context, this.#options)
    const restored = context.restored as readonly Saved[]
    for (const { parallelism, items } of restored) {
      // Spread otherwise, the subtasks' event times are no longer these: it is told anew.
      const sameSpread = restored.length === 1 && parallelism === context.parallelism
      for (const item of items) {
        if (!('watermark' in item)) this.#waiting.push(this.#results.add(item.value, item.timestamp))
        else if (sameSpread) this.#results.watermark(item.watermark)
      }
    }
    this.#ask()
  }

  process(batch: Batch, out: Output): void | Promise<void> {
    this.#throwFailure()
    if (this.#hasWaiting) return this.#untilRoom(out).then(() => this.#take(batch, out))
    this.#take(batch, out)
  }

  watermark(timestamp: number, out: Output): void {
    this.#results.watermark(timestamp)
    this.drain(out)
  }

  status(idle: boolean, out: Output): void {
    this.#results.idle(idle)
    this.drain(out)
  }

  drain(out: Output): void {
    this.#throwFailure()
    this.#underWay -= this.#results.passOn(out)
    this.#ask()
  }

  finishEpoch(_id: number, out: Output): void {
    this.drain(out)
  }

  snapshot(): Saved {
    return { parallelism: this.#context?.parallelism ?? 0, items: this.#results.unanswered() }
  }

  async endOfInput(out: Output): Promise<void> {
    this.drain(out)
    while (this.#underWay > 0) await this.#nextAnswer(out)
  }

  close(): void | Promise<void> {
    const error = new Error(`node "${this.#node}" is closed`)
    this.#failure ??= { error }
    this.#retries?.close(error)
    this.#answer?.resolve()
    return this.#fn.close()
  }

  get #hasWaiting(): boolean {
    return this.#nextWaiting < this.#waiting.length
  }

  #take({ values, timestamps }: Batch, out: Output): void {
    for (let i = 0; i < values.length; i += 1) {
      this.#waiting.push(this.#results.add(values[i], timestamps === undefined ? undefined : timestamps[i]))
    }
    this.drain(out)
  }

  async #untilRoom(out: Output): Promise<void> {
    // Answers that came before this call have woken the machine, which has not come to drain(): nothing else may make room.
    this.drain(out)
    while (this.#hasWaiting) await this.#nextAnswer(out)
  }

  async #nextAnswer(out: Output): Promise<void> {
    this.#answer = deferred()
    await this.#answer.promise
    this.#answer = undefined
    this.drain(out)
  }

  /** Begins as many calls as there is room for. */
  #ask(): void {
    while (this.#hasWaiting && this.#underWay < this.#capacity) {
      const request = this.#waiting[this.#nextWaiting] as AsyncRequest
      this.#nextWaiting += 1
      this.#underWay += 1
      this.#askAbout(request)
    }
    if (this.#hasWaiting) return
    this.#waiting = []
    this.#nextWaiting = 0
  }

  #askAbout(request: AsyncRequest): void {
    const value = request.value as In
    this.#retries
      ?.run((context) => this.#fn.invoke(value, context))
      .then(
        (result) => this.#answered(request, result),
        (error: unknown) => this.#failed(request, error),
      )
  }

  #answered(request: AsyncRequest, result: unknown): void {
    this.#results.done(request, result)
    this.#told()
  }

  #failed(request: AsyncRequest, error: unknown): void {
    const { onTimeout } = this.#options
    const value = request.value as In
    try {
      if (!(error instanceof TimedOut) || onTimeout === undefined) throw error
      this.#results.done(request, onTimeout(value))
    } catch (failure) {
      this.#failure ??= { error: userError(this.#node, value, failure) }
    }
    this.#told()
  }

  #told(): void {
    if (this.#answer === undefined) this.#context?.wake()
    else this.#answer.resolve()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
