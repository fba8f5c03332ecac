// WorkerPool: the workers of a run, across attempts.
//
// Owns: which workers there are, and that every one has loaded the same job.
// Does not own: what they run (attempt).
//
// I1. After load() every worker described the same graph, or the job was refused.
// I2. A pool that has lost a worker, or had to give one up, is started anew as a whole: the others may hold ends of its channels.

import { MillraceError } from '../../src/errors.ts'
import type { JobOptions } from '../../src/graph/job.ts'
import { present } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import { fingerprintOf, firstDifference } from '../plan/fingerprint.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import type { FromWorker, ToWorker } from '../worker/messages.ts'
import { RunFailure, workerLost } from './run-failure.ts'
import { type StartedWorker, WorkerHandle } from './worker-handle.ts'

export interface WorkerPoolOptions {
  readonly start: () => StartedWorker
  readonly load: Extract<ToWorker, { type: 'load' }>
  readonly clock: Clock
  readonly heartbeatMs: number | undefined
}

/** What all workers found in the job file. */
export interface LoadedJob {
  readonly graph: GraphDescription
  readonly options: JobOptions
}

/** Who hears what workers say of themselves; one at a time. */
export interface WorkerListener {
  message(worker: number, message: FromWorker): void
  lost(worker: number, failure: RunFailure): void
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions
  #workers: WorkerHandle[] = []
  #loading: Promise<LoadedJob>[] = []
  #listener: WorkerListener | undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#workers.length
  }

  listen(listener: WorkerListener | undefined): void {
    this.#listener = listener
  }

  /** Starts workers up to `count` and has each load the job at once. */
  grow(count: number): void {
    while (this.#workers.length < count) {
      const handle = this.#start(this.#workers.length)
      this.#workers.push(handle)
      const loading = handle.ask(this.#options.load, 'loaded').then(({ graph, options }) => ({ graph, options }))
      // Awaited in load(); a failure before that must not count as unhandled.
      loading.catch(() => {})
      this.#loading.push(loading)
    }
  }

  /** The job as the first worker sees it. */
  first(): Promise<LoadedJob> {
    return present(this.#loading[0], 'first worker')
  }

  /** Exactly `count` workers that have loaded the same job. Throws GRAPH_NOT_DETERMINISTIC and what loading throws. */
  async load(count: number): Promise<LoadedJob> {
    this.grow(count)
    const surplus = this.#workers.splice(count)
    this.#loading.splice(count)
    await Promise.all(surplus.map((worker) => worker.terminate()))
    const [first, ...others] = await Promise.all(this.#loading)
    const loaded = present(first, 'first worker')
    for (const other of others) checkSame(loaded.graph, other.graph)
    return loaded
  }

  post(worker: number, message: ToWorker): void {
    this.#workers[worker]?.post(message)
  }

  broadcast(message: ToWorker): void {
    for (const worker of this.#workers) worker.post(message)
  }

  worker(index: number): WorkerHandle {
    return present(this.#workers[index], `worker ${index}`)
  }

  /**
   * Has every worker close its tasks. What has not done so within `withinMs` is ended, and then all are (I2).
   * Returns whether the workers are still there.
   */
  async cancel(withinMs: number): Promise<boolean> {
    this.#listener = lastWords(this.#listener)
    const late = new RunFailure(workerLost(-1, 'did not close its tasks in time'))
    for (const worker of this.#workers) worker.giveUp(late)
    const cancelTimer = this.#options.clock.schedule(withinMs, () => {
      for (const worker of this.#workers) worker.giveUp(late)
    })
    const asked = this.#workers.map((worker) => worker.ask({ type: 'cancel' }, 'cancelled', { deaf: true }))
    const settled = await Promise.allSettled(asked)
    cancelTimer()
    if (settled.every((outcome) => outcome.status === 'fulfilled')) return true
    await this.terminate()
    return false
  }

  /** Ends every worker whatever it does. */
  async terminate(): Promise<void> {
    this.listen(undefined)
    const workers = this.#workers
    this.#workers = []
    this.#loading = []
    await Promise.all(workers.map((worker) => worker.terminate()))
  }

  #start(index: number): WorkerHandle {
    return new WorkerHandle({
      index,
      worker: this.#options.start(),
      clock: this.#options.clock,
      heartbeatMs: this.#options.heartbeatMs,
      onMessage: (worker, message) => this.#listener?.message(worker, message),
      onLost: (worker, failure) => this.#listener?.lost(worker, failure),
    })
  }
}

/** While tasks close, only what people want to read is heard. */
function lastWords(listener: WorkerListener | undefined): WorkerListener {
  return {
    message: (worker, message) => {
      if (message.type === 'metrics' || message.type === 'log') listener?.message(worker, message)
    },
    lost: () => {},
  }
}

function checkSame(a: GraphDescription, b: GraphDescription): void {
  if (fingerprintOf(a) === fingerprintOf(b)) return
  const difference = firstDifference(a, b) ?? 'their fingerprints differ'
  throw new MillraceError('GRAPH_NOT_DETERMINISTIC', { job: a.job, difference })
}
