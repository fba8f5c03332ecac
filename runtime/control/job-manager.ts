// JobManager: one run of a job, from the first worker to its result.
//
// Owns: the order of things: load, lock, restore, attempt after attempt, hooks, the end; and what people wish meanwhile.
// Does not own: an attempt (attempt), checkpoints (coordinator), whether to restart (restart-strategy), telling (run-feed).
//
// I1. Nothing in the world or on disk is touched before the job is locked, and nothing after it is freed.
// I2. What refuses a restore is found before anything is deployed and before a hook runs; a wish to go back takes effect after the
//     hooks: when one throws, the next plain start goes on from where this one would have without the wish.
// I3. A wish is never lost: stop and cancel are heeded at every step, whichever it is.

import { MillraceError } from '../../src/errors.ts'
import type { Clock } from '../../src/util/clock.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Rng } from '../../src/util/rng.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import { largestParallelism, planJob } from '../plan/planner.ts'
import type { Deployment, FailureInfo } from '../worker/messages.ts'
import { Attempt, type AttemptOutcome } from './attempt.ts'
import { keepsLastOnly } from './batch-run.ts'
import { JobFolder } from './job-folder.ts'
import { isTerminal } from './job-state.ts'
import { afterFailure, NO_FAILURES, type RestartHistory } from './restart-strategy.ts'
import { chooseStart, restoreFrom, type Start } from './restore.ts'
import { failureFrom } from './run-failure.ts'
import type { RunFeed } from './run-feed.ts'
import {
  checkJobOptions,
  checkpointSettings,
  checkRunOptions,
  dataDirOf,
  restartOptions,
  stateCacheBytesOf,
  workersFor,
} from './run-options.ts'
import type { JobState, RunOptions, RunResult } from './run-types.ts'
import type { LoadedJob, WorkerPool } from './worker-pool.ts'

export interface JobManagerOptions {
  readonly run: RunOptions
  readonly inProcess: boolean
  readonly pool: WorkerPool
  readonly feed: RunFeed
  readonly clock: Clock
  readonly rng: Rng
}

/** From asking for a stop to giving its last checkpoint up: with closing, a process ends within ten seconds. */
const STOP_WITHIN_MS = 7_500
/** What tasks get to close before a restart, and before the end. */
const CLOSE_WITHIN_MS = 5_000
const END_WITHIN_MS = 1_000

type Wish = 'none' | 'stop' | 'cancel'

/** A job that is loaded and locked, and may be deployed again and again. */
interface ReadyJob {
  readonly loaded: LoadedJob
  readonly plan: PhysicalPlan
  readonly folder: JobFolder
  /** Where the first attempt starts. */
  readonly start: Start
}

export class JobManager {
  readonly #options: JobManagerOptions
  readonly #planned = deferred<{ readonly graph: GraphDescription; readonly plan: PhysicalPlan }>()
  readonly #wished: Deferred = deferred()
  #wish: Wish = 'none'
  #attempt: Attempt | undefined
  #attempts = 0
  /** Of the attempt that is, or is about to be: from 1. */
  #number = 1
  /** Tasks may be open in the workers. */
  #deployed = false
  /** The last checkpoint is complete: a stop has nothing left to do. */
  #finishing = false
  #forgetStop: (() => void) | undefined
  #folder: JobFolder | undefined

  constructor(options: JobManagerOptions) {
    this.#options = options
    this.#planned.promise.catch(() => {})
  }

  get planned(): Promise<{ readonly graph: GraphDescription; readonly plan: PhysicalPlan }> {
    return this.#planned.promise
  }

  /** Runs the job to its end. Never rejects. */
  async run(): Promise<RunResult> {
    const { feed, clock } = this.#options
    const startedAt = clock.monotonic()
    const failure = await this.#toTheEnd()
    const reason = failure?.message ?? 'it ended before it was planned'
    this.#planned.reject(new MillraceError('JOB_FAILED', this.#failedDetails(reason)))
    const state = feed.state
    if (state !== 'finished' && state !== 'stopped' && state !== 'failed' && state !== 'cancelled') {
      throw new MillraceError('INVARIANT', { what: `a run ended in state ${state}` })
    }
    const durationMs = clock.monotonic() - startedAt
    const metrics = feed.totals()
    return { state, failure, lastCheckpoint: feed.lastCheckpoint, attempts: this.#attempts, durationMs, metrics }
  }

  checkpoint(): Promise<number> {
    return this.#attempt?.checkpoint() ?? Promise.reject(new Error('the job is not running'))
  }

  stop(): void {
    if (this.#wish !== 'none' || isTerminal(this.#options.feed.state)) return
    this.#wish = 'stop'
    this.#wished.resolve()
    if (this.#options.feed.state !== 'failing') this.#move('stopping')
    const attempt = this.#attempt
    if (this.#finishing) return
    if (attempt === undefined) return void this.#options.pool.terminate()
    attempt.stop()
    this.#forgetStop = this.#options.clock.schedule(STOP_WITHIN_MS, () => {
      const message = `the last checkpoint did not complete within ${STOP_WITHIN_MS} ms: the state stays at the one before`
      this.#options.feed.emit({ type: 'log', level: 'warn', message, fields: {} })
      attempt.interrupt()
    })
  }

  cancel(): void {
    if (this.#wish === 'cancel' || isTerminal(this.#options.feed.state)) return
    this.#wish = 'cancel'
    this.#wished.resolve()
    if (this.#attempt === undefined) void this.#options.pool.terminate()
    else this.#attempt.interrupt()
  }

  async #toTheEnd(): Promise<FailureInfo | undefined> {
    const { feed, pool } = this.#options
    let failure: FailureInfo | undefined
    try {
      failure = await this.#work()
    } catch (error) {
      if (this.#wish === 'none') failure = failureFrom(error)
    }
    this.#forgetStop?.()
    if (failure !== undefined && this.#wish !== 'cancel') {
      feed.emit({ type: 'failure', failure, restartInMs: undefined })
      this.#move('failing')
    }
    await this.#closeTasks(END_WITHIN_MS)
    await pool.terminate()
    await this.#leaveFolder()
    if (!isTerminal(feed.state)) this.#move(this.#endState(failure))
    await feed.end()
    return this.#wish === 'cancel' ? undefined : failure
  }

  /** What cannot be deleted or freed now is when the job is started again. */
  async #leaveFolder(): Promise<void> {
    await this.#folder?.clearWork().catch(() => {})
    await this.#folder?.close().catch(() => {})
  }

  #endState(failure: FailureInfo | undefined): 'finished' | 'stopped' | 'failed' | 'cancelled' {
    if (this.#wish === 'cancel') return 'cancelled'
    if (this.#options.feed.state === 'failing') return 'failed'
    if (this.#wish === 'stop') return 'stopped'
    return failure === undefined ? 'finished' : 'failed'
  }

  /** Returns why the job failed, or undefined. */
  async #work(): Promise<FailureInfo | undefined> {
    const { run, inProcess, pool } = this.#options
    checkRunOptions(run)
    this.#move('starting')
    // How many workers there will be shows once the job is loaded; those that are certain load it at once.
    pool.grow(workersFor(run, run.parallelism ?? 1, inProcess))
    const job = await this.#makeReady()
    await pool.worker(0).ask({ type: 'hooks', which: 'start' }, 'hooks-done')
    await job.start.settle()
    const outcome = await this.#attemptUntilDone(job)
    if (outcome.kind === 'failed') return outcome.failure
    if (outcome.kind === 'interrupted') return undefined
    return this.#finish(outcome.reason === 'drained')
  }

  async #makeReady(): Promise<ReadyJob> {
    const { pool, run, inProcess, feed, clock } = this.#options
    const first = await pool.first()
    checkJobOptions(first.options)
    feed.named(first.graph.job)
    const parallelism = run.parallelism ?? first.options.parallelism ?? 1
    const { keyGroups } = first.options
    const workers = workersFor(run, largestParallelism(first.graph, parallelism), inProcess)
    const plan = planJob(first.graph, { parallelism, workers, ...(keyGroups === undefined ? {} : { keyGroups }) })
    const loading = pool.load(plan.workers)
    loading.catch(() => {})
    const folder = await JobFolder.open({ dataDir: dataDirOf(run), job: plan.job, fresh: run.fresh ?? false, clock })
    this.#folder = folder
    feed.keepIn(folder.layout.events)
    this.#planned.resolve({ graph: first.graph, plan })
    const loaded = await loading
    const start = await chooseStart(folder.history, loaded.graph, plan, run)
    return { loaded, plan, folder, start }
  }

  async #attemptUntilDone(job: ReadyJob): Promise<AttemptOutcome> {
    const { run, clock, rng } = this.#options
    const strategy = restartOptions(job.loaded.options, run)
    let history: RestartHistory = NO_FAILURES
    for (;;) {
      const begunAt = clock.monotonic()
      const outcome = await this.#attemptOnce(job)
      if (outcome.kind !== 'failed' || this.#wish !== 'none') return this.#asWished(outcome)
      if (outcome.failure.retry === 'never') return outcome
      const now = clock.monotonic()
      const verdict = afterFailure(strategy, history, { now, ranMs: now - begunAt }, rng)
      history = verdict.history
      if (verdict.delayMs === undefined) return this.#givenUp(outcome)
      await this.#prepareRestart(job, outcome.failure, verdict.delayMs)
      if (this.#wish !== 'none') return { kind: 'interrupted' }
    }
  }

  /** A failure while the job was being stopped: its state stays at the latest checkpoint. */
  #asWished(outcome: AttemptOutcome): AttemptOutcome {
    if (outcome.kind !== 'failed') return outcome
    this.#options.feed.emit({ type: 'failure', failure: outcome.failure, restartInMs: undefined })
    return { kind: 'interrupted' }
  }

  #givenUp(outcome: AttemptOutcome & { readonly kind: 'failed' }): AttemptOutcome {
    const error = new MillraceError('JOB_FAILED', this.#failedDetails(outcome.failure.message))
    this.#options.feed.emit({ type: 'log', level: 'error', message: error.message, fields: {} })
    return outcome
  }

  async #attemptOnce(job: ReadyJob): Promise<AttemptOutcome> {
    const { feed, pool, clock, run } = this.#options
    try {
      await pool.load(job.plan.workers)
      const deployment = await this.#deployment(job)
      if (this.#wish !== 'none') return { kind: 'interrupted' }
      this.#attempt = new Attempt({
        deployment,
        graph: job.loaded.graph,
        pool,
        store: job.folder.store,
        history: job.folder.history,
        settings: checkpointSettings(job.loaded.options.checkpoint, run.checkpoint),
        lastOnly: keepsLastOnly(job.loaded.graph, run),
        clock,
        reports: {
          running: () => this.#wish === 'none' && this.#move('running'),
          checkpoint: (progress) => feed.checkpoint(progress),
          committed: (checkpoint) => feed.emit({ type: 'committed', checkpoint }),
          metrics: (worker, message) => feed.metrics(worker, message.nodes, job.plan.workers),
          log: (level, message, fields) => feed.emit({ type: 'log', level, message, fields }),
        },
      })
      this.#deployed = true
      return await this.#attempt.run()
    } catch (error) {
      return { kind: 'failed', failure: failureFrom(error) }
    } finally {
      this.#attempt = undefined
    }
  }

  async #deployment(job: ReadyJob): Promise<Deployment> {
    const { loaded, plan, folder } = job
    const { run, feed } = this.#options
    const attempt = this.#attempts++
    await folder.clearWork()
    feed.forgetMetrics()
    const origin = attempt === 0 ? job.start.origin : await folder.history.latest()
    if (origin !== undefined) {
      failpoint('restore.begin')
      feed.restored(origin.id, origin.folder, origin.manifest.tasks)
    }
    return {
      attempt,
      plan,
      jobDir: folder.layout.root,
      mode: run.mode ?? 'stream',
      delivery: loaded.options.delivery ?? 'exactly-once',
      state: { cacheBytes: stateCacheBytesOf(run) / plan.workers },
      restore: origin === undefined ? {} : restoreFrom(origin, loaded.graph, plan, run),
      rewind: origin?.rewind ?? false,
      batchEnded: origin?.manifest.mode === 'batch' ? origin.id : undefined,
    }
  }

  async #prepareRestart(job: ReadyJob, failure: FailureInfo, delayMs: number): Promise<void> {
    const { feed, pool, clock } = this.#options
    feed.emit({ type: 'failure', failure, restartInMs: delayMs })
    this.#move('restarting')
    const kept = await this.#closeTasks(CLOSE_WITHIN_MS)
    if (!this.#wishes('none')) return
    // New threads load the job while the delay runs.
    if (!kept) pool.grow(job.plan.workers)
    const delay = deferred()
    const forget = clock.schedule(delayMs, () => delay.resolve())
    await Promise.race([delay.promise, this.#wished.promise])
    forget()
    if (!this.#wishes('none')) return
    this.#number += 1
    this.#move('starting')
  }

  /** After the last checkpoint: tasks close, then the hooks run. Returns why they failed, if they did. */
  async #finish(drained: boolean): Promise<FailureInfo | undefined> {
    const { pool } = this.#options
    this.#finishing = true
    const kept = await this.#closeTasks(drained ? CLOSE_WITHIN_MS : END_WITHIN_MS)
    if (!drained || this.#wishes('cancel')) return undefined
    if (!kept) await pool.load(1)
    try {
      await pool.worker(0).ask({ type: 'hooks', which: 'finish' }, 'hooks-done')
    } catch (error) {
      return this.#wishes('cancel') ? undefined : failureFrom(error)
    }
    if (!this.#wishes('cancel')) this.#move('finished')
    return undefined
  }

  /** Returns whether the workers are still there. */
  async #closeTasks(withinMs: number): Promise<boolean> {
    if (!this.#deployed) return true
    this.#deployed = false
    return this.#options.pool.cancel(withinMs)
  }

  #move(to: JobState): void {
    this.#options.feed.move(to, this.#number)
  }

  /** Asked anew after each wait. */
  #wishes(wish: Wish): boolean {
    return this.#wish === wish
  }

  #failedDetails(reason: string): { readonly job: string; readonly attempts: number; readonly reason: string } {
    return { job: this.#options.feed.job, attempts: this.#attempts, reason }
  }
}
