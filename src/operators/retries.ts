// Retries: calls to an outside service that may fail, hang or answer after it was given up on.
//
// Owns: the calls under way, their timers and signals. Does not own: what is asked, or when.
//
// I1. A call settles once: with the first answer of its latest attempt, the error of its last one, or the end of everything.
// I2. No two attempts of one call are waited for at a time. What an attempt answers after it was given up on is not heard.
// I3. The signal of an attempt that was given up on is aborted, and after close() every signal is.

import type { CallContext } from '../contract/async-function.ts'
import type { Counter, RuntimeContext } from '../contract/runtime-context.ts'
import { checkCount, checkDuration } from '../time/window.ts'
import type { Clock } from '../util/clock.ts'

/** How often, and how soon, a call that failed is made again. */
export interface RetryOptions {
  /** Calls in all. Default 3. */
  readonly attempts?: number
  /** Before the second; doubled before each one after that. Default 100. */
  readonly delayMs?: number
  /** Default 10,000. */
  readonly maxDelayMs?: number
  /** Whether an error is worth another call. Default: any is, a timeout too. */
  readonly retryIf?: (error: unknown) => boolean
}

/** How calls are made. */
export interface CallOptions {
  /** Each attempt. Default 60,000. */
  readonly timeoutMs?: number
  /** Default: a call that fails is not made again. */
  readonly retry?: RetryOptions
}

/** An attempt had no answer in time. */
export class TimedOut extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'TimeoutError'
  }
}

/** Throws CONFIG_INVALID, which names the node and the option. */
export function checkCallOptions(node: string, { timeoutMs, retry }: CallOptions): void {
  if (timeoutMs !== undefined) checkDuration(node, 'timeoutMs', timeoutMs)
  if (retry?.attempts !== undefined) checkCount(node, 'retry.attempts', retry.attempts)
  if (retry?.delayMs !== undefined) checkDuration(node, 'retry.delayMs', retry.delayMs)
  if (retry?.maxDelayMs !== undefined) checkDuration(node, 'retry.maxDelayMs', retry.maxDelayMs)
}

const TIMEOUT_MS = 60_000
const ATTEMPTS = 3
const DELAY_MS = 100
const MAX_DELAY_MS = 10_000

/** See the head of this file. */
export class Retries {
  readonly #clock: Clock
  readonly #retried: Counter
  readonly #timedOut: Counter
  readonly #timeoutMs: number
  readonly #retry: RetryOptions
  /** Each gives up what is under way. */
  readonly #live = new Set<(reason: unknown) => void>()
  #closed: { readonly reason: unknown } | undefined

  constructor({ clock, metrics }: RuntimeContext, options: CallOptions) {
    this.#clock = clock
    this.#retried = metrics.counter('retries')
    this.#timedOut = metrics.counter('timeouts')
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
    this.#retry = options.retry ?? { attempts: 1 }
  }

  /** Calls until an attempt succeeds, or throws what the last one threw. */
  async run<T>(call: (context: CallContext) => T | PromiseLike<T>): Promise<T> {
    const { attempts = ATTEMPTS, delayMs = DELAY_MS, maxDelayMs = MAX_DELAY_MS, retryIf } = this.#retry
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(call, attempt)
      } catch (error) {
        if (this.#closed !== undefined || attempt >= attempts || retryIf?.(error) === false) throw error
        this.#retried.add()
        await this.#pause(Math.min(maxDelayMs, delayMs * 2 ** (attempt - 1)))
      }
    }
  }

  /** Gives up on everything under way. */
  close(reason: unknown): void {
    this.#closed = { reason }
    for (const giveUp of [...this.#live]) giveUp(reason)
  }

  #attempt<T>(call: (context: CallContext) => T | PromiseLike<T>, attempt: number): Promise<T> {
    const context = new AttemptContext(attempt)
    return this.#under<T>((settle) => {
      const cancel = this.#clock.schedule(this.#timeoutMs, () => {
        this.#timedOut.add()
        settle.giveUp(new TimedOut(this.#timeoutMs))
      })
      const end = (abandoned: { reason: unknown } | undefined): void => {
        cancel()
        if (abandoned !== undefined) context.abort(abandoned.reason)
      }
      // A call that throws at once fails as one that rejects.
      try {
        Promise.resolve(call(context)).then(settle.resolve, settle.reject)
      } catch (error) {
        Promise.reject(error).catch(settle.reject)
      }
      return end
    })
  }

  #pause(delayMs: number): Promise<void> {
    return this.#under<void>((settle) => this.#clock.schedule(delayMs, settle.resolve))
  }

  /** Something under way, until it settles or is given up on; what `begin` returns is called then. */
  #under<T>(begin: (settle: Settle<T>) => (abandoned: { reason: unknown } | undefined) => void): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed.reason)
    return new Promise<T>((resolve, reject) => {
      const end = (abandoned?: { reason: unknown }): void => {
        this.#live.delete(giveUp)
        finish?.(abandoned)
      }
      const giveUp = (reason: unknown): void => {
        end({ reason })
        reject(reason)
      }
      let finish: ReturnType<typeof begin> | undefined
      this.#live.add(giveUp)
      finish = begin({
        resolve: (value) => {
          end()
          resolve(value)
        },
        reject: (error) => {
          end()
          reject(error)
        },
        giveUp,
      })
    })
  }
}

/** Its signal is made when it is asked for: most calls do not, and it costs more than all else. */
class AttemptContext implements CallContext {
  readonly attempt: number
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined

  constructor(attempt: number) {
    this.attempt = attempt
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }
}

interface Settle<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  readonly giveUp: (reason: unknown) => void
}
