// WorkerHandle: the main thread's end of one worker.
//
// Owns: the link, the heartbeat, the question that is open.
// Does not own: what messages mean (attempt), which workers there are (worker-pool).
//
// I1. At most one question is open; it ends with its answer, with 'failed', or with the loss of the worker.
// I2. A worker is lost once: it ended, or three pings in a row went unanswered. Pings are counted, not timed, so that a main thread
//     that itself stood still (a suspended laptop) blames nobody.

import { assert } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { FromWorker, Link, ToWorker } from '../worker/messages.ts'
import { RunFailure, workerLost } from './run-failure.ts'

/** A worker as it is started: a thread, or something in this thread that behaves like one. */
export interface StartedWorker {
  readonly link: Link<ToWorker, FromWorker>
  /** Ends it whatever it does. */
  terminate(): Promise<void>
  /** It ended by itself; `reason` completes 'Worker 3 …'. */
  onExit(handler: (reason: string) => void): void
}

export interface WorkerHandleOptions {
  readonly index: number
  readonly worker: StartedWorker
  readonly clock: Clock
  /** Undefined: no heartbeat (a worker in this thread cannot hang alone). */
  readonly heartbeatMs: number | undefined
  /** Messages that answer no question. */
  readonly onMessage: (worker: number, message: FromWorker) => void
  readonly onLost: (worker: number, failure: RunFailure) => void
}

type AnswerType = FromWorker['type']
type Answer<T extends AnswerType> = Extract<FromWorker, { type: T }>

interface Question {
  readonly answer: AnswerType
  readonly settled: Deferred<FromWorker>
  /** 'failed' is no answer to it. */
  readonly deaf: boolean
}

const PINGS_MISSED_MAX = 3
const TERMINATE_WITHIN_MS = 2_000

export class WorkerHandle {
  readonly index: number
  readonly #options: WorkerHandleOptions
  #question: Question | undefined
  #missed = 0
  #pings = 0
  #lost: RunFailure | undefined
  #ended = false
  #cancelPing: (() => void) | undefined

  constructor(options: WorkerHandleOptions) {
    this.index = options.index
    this.#options = options
    options.worker.link.onMessage((message) => this.#receive(message))
    options.worker.onExit((reason) => this.#lose(reason))
    this.#schedulePing()
  }

  get isLost(): boolean {
    return this.#lost !== undefined
  }

  post(message: ToWorker, transfer?: readonly unknown[]): void {
    if (this.#lost === undefined && !this.#ended) this.#options.worker.link.post(message, transfer)
  }

  /** Posts and waits for the answer. Rejects with RunFailure. `deaf`: failures meanwhile are no answer. */
  async ask<T extends AnswerType>(
    message: ToWorker,
    answer: T,
    options: { readonly transfer?: readonly unknown[]; readonly deaf?: boolean } = {},
  ): Promise<Answer<T>> {
    if (this.#lost !== undefined) throw this.#lost
    assert(this.#question === undefined, `worker ${this.index} was asked two things at once`)
    const settled = deferred<FromWorker>()
    this.#question = { answer, settled, deaf: options.deaf ?? false }
    this.post(message, options.transfer)
    return (await settled.promise) as Answer<T>
  }

  /** Gives the open question up: its asker waits no longer. */
  giveUp(failure: RunFailure): void {
    this.#settle()?.settled.reject(failure)
  }

  async terminate(): Promise<void> {
    this.#ended = true
    this.#cancelPing?.()
    this.giveUp(new RunFailure(workerLost(this.index, 'was ended')))
    // A worker in this thread whose user code hangs cannot be ended from here; nobody waits for it.
    const patience = deferred()
    const forget = this.#options.clock.schedule(TERMINATE_WITHIN_MS, () => patience.resolve())
    await Promise.race([this.#options.worker.terminate(), patience.promise])
    forget()
    this.#options.worker.link.close()
  }

  #receive(message: FromWorker): void {
    if (this.#ended) return
    this.#missed = 0
    if (message.type === 'pong') return
    const question = this.#question
    if (question?.answer === message.type) this.#settle()?.settled.resolve(message)
    else if (message.type === 'failed' && question !== undefined) {
      if (!question.deaf) this.#settle()?.settled.reject(new RunFailure(message.failure))
    } else this.#options.onMessage(this.index, message)
  }

  #settle(): Question | undefined {
    const question = this.#question
    this.#question = undefined
    return question
  }

  #lose(reason: string): void {
    if (this.#lost !== undefined || this.#ended) return
    this.#lost = new RunFailure(workerLost(this.index, reason))
    this.#cancelPing?.()
    const question = this.#settle()
    if (question === undefined) this.#options.onLost(this.index, this.#lost)
    else question.settled.reject(this.#lost)
  }

  #schedulePing(): void {
    const { heartbeatMs, clock } = this.#options
    if (heartbeatMs === undefined) return
    this.#cancelPing = clock.schedule(heartbeatMs, () => {
      if (this.#missed >= PINGS_MISSED_MAX) return this.#lose(silence(heartbeatMs * PINGS_MISSED_MAX))
      this.#missed += 1
      this.#pings += 1
      this.post({ type: 'ping', n: this.#pings })
      this.#schedulePing()
    })
  }
}

function silence(ms: number): string {
  return `did not answer for ${ms} ms: one of its functions does not return (a third of this patience is --heartbeat)`
}
