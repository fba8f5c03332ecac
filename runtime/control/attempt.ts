// Attempt: one deployment of a job, from the first message to the workers to its end or failure.
//
// Owns: the coordinator, the routing of enumerators' messages, how the attempt came out.
// Does not own: the workers (pool), what follows a failure (job-manager).
//
// I1. The outcome is settled once; what comes later changes nothing.
// I2. run() returns only when the coordinator has nothing under way on disk.

import { MillraceError } from '../../src/errors.ts'
import { present } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import { deferred } from '../../src/util/deferred.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import { type CheckpointProgress, Coordinator } from '../checkpoint/coordinator.ts'
import { subtaskKey } from '../checkpoint/decide.ts'
import type { DecideRules, FinalReason } from '../checkpoint/facts.ts'
import type { CheckpointHistory } from '../checkpoint/history.ts'
import type { CheckpointStore } from '../checkpoint/store.ts'
import type { GraphDescription, PhysicalPlan } from '../plan/physical-plan.ts'
import type { AlignmentReport, Deployment, EnumeratorMessage, FailureInfo, FromWorker } from '../worker/messages.ts'
import { AlignmentGroups } from './alignment-groups.ts'
import { connectWorkers } from './channels.ts'
import { checkpointFailure, failureFrom, type RunFailure } from './run-failure.ts'
import type { CheckpointSettings } from './run-options.ts'
import type { WorkerListener, WorkerPool } from './worker-pool.ts'

export type AttemptOutcome =
  | { readonly kind: 'ended'; readonly reason: FinalReason; readonly checkpoint: number }
  | { readonly kind: 'failed'; readonly failure: FailureInfo }
  | { readonly kind: 'interrupted' }

/** What an attempt tells while it runs. */
export interface AttemptReports {
  running(): void
  checkpoint(progress: CheckpointProgress): void
  committed(checkpoint: number): void
  metrics(worker: number, message: Extract<FromWorker, { type: 'metrics' }>): void
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void
}

export interface AttemptOptions {
  readonly deployment: Deployment
  readonly graph: GraphDescription
  readonly pool: WorkerPool
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
  readonly settings: CheckpointSettings
  /** Of a batch run with keyed nodes: no checkpoint but the last can be restored. Default false. */
  readonly lastOnly?: boolean
  readonly clock: Clock
  readonly reports: AttemptReports
}

/** How long reports of sources that wait for each other are gathered. */
const ALIGN_EVERY_MS = 2

export class Attempt implements WorkerListener {
  readonly #options: AttemptOptions
  readonly #plan: PhysicalPlan
  /** Worker of each subtask, by node. */
  readonly #workersOf: ReadonlyMap<string, readonly number[]>
  readonly #outcome = deferred<AttemptOutcome>()
  #coordinator: Coordinator<FailureInfo> | undefined
  #stopping = false
  /** The last checkpoint of a run whose input ended is committed: workers whose sinks have yet to pass it on. */
  #passingOn: { readonly checkpoint: number; readonly awaited: Set<number> } | undefined
  readonly #alignment = new AlignmentGroups()
  #cancelAlign: (() => void) | undefined

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#plan = options.deployment.plan
    this.#workersOf = new Map(
      this.#plan.tasks.flatMap((task) => task.nodes.map((node) => [node, task.workers] as const)),
    )
  }

  async run(): Promise<AttemptOutcome> {
    this.#options.pool.listen(this)
    // Whatever ends the attempt while it is being deployed need not wait for the workers' answers.
    await Promise.race([this.#begin(), this.#outcome.promise])
    const outcome = await this.#outcome.promise
    this.#cancelAlign?.()
    await this.#coordinator?.close()
    return outcome
  }

  /** Takes a last checkpoint and ends. Where nothing could go on from it, ends at once. */
  stop(): void {
    if (this.#options.lastOnly) {
      this.#options.reports.log('warn', 'a batch run that is stopped begins again at the beginning', {})
      return this.interrupt()
    }
    this.#stopping = true
    const passing = this.#passingOn
    if (passing !== undefined) this.#outcome.resolve({ kind: 'ended', reason: 'stop', checkpoint: passing.checkpoint })
    else this.#coordinator?.tell({ type: 'stop' })
  }

  /** Ends at once. */
  interrupt(): void {
    this.#outcome.resolve({ kind: 'interrupted' })
  }

  /** A checkpoint soon; resolves to its id when it is complete. */
  checkpoint(): Promise<number> {
    if (this.#options.lastOnly)
      return Promise.reject(new Error('a batch run with keyed nodes has no checkpoint but its last'))
    return this.#coordinator?.request() ?? Promise.reject(new Error('the job is not running yet'))
  }

  lost(worker: number, { failure }: RunFailure): void {
    const nodes = this.#plan.tasks.flatMap((task) => (task.workers.includes(worker) ? task.nodes : []))
    this.#fail({ ...failure, message: `${failure.message} It ran ${nodes.join(', ')}.` })
  }

  message(worker: number, message: FromWorker): void {
    const { reports, deployment } = this.#options
    const attempt = deployment.attempt
    switch (message.type) {
      case 'enumerators-snapshotted':
        return this.#coordinator?.tell({ type: 'enumerated', worker, checkpoint: message.checkpoint })
      case 'ack':
        return this.#coordinator?.tell({ ...message, attempt })
      case 'decline':
        return this.#coordinator?.tell({ ...message, attempt, cause: message.failure })
      case 'drained':
        return this.#coordinator?.tell({ ...message, attempt })
      case 'committed':
        return this.#coordinator?.tell({ ...message, worker })
      case 'passed-on':
        return this.#passedOn(worker)
      case 'request-checkpoint':
        return this.#coordinator?.tell({ type: 'request' })
      case 'reached':
        return this.#reached(message.report)
      case 'failed':
        return this.#fail(message.failure)
      case 'enumerator':
        return this.#route(message.message)
      case 'metrics':
        return reports.metrics(worker, message)
      case 'log':
        return reports.log(message.level, message.message, message.fields)
    }
  }

  async #begin(): Promise<void> {
    try {
      await this.#deploy()
      if (Object.keys(this.#options.deployment.restore).length > 0) failpoint('restore.done')
      this.#align()
      this.#options.pool.broadcast({ type: 'start' })
      this.#coordinator = this.#coordinate()
      this.#options.reports.running()
      if (this.#stopping) this.#coordinator.tell({ type: 'stop' })
    } catch (error) {
      this.#fail(failureFrom(error))
    }
  }

  /** All messages leave in one go: no worker hears of another's enumerator before its own deployment. */
  async #deploy(): Promise<void> {
    const { pool, deployment } = this.#options
    const answers = connectWorkers(this.#plan).map(({ addresses, ports }, worker) =>
      pool
        .worker(worker)
        .ask({ type: 'deploy', worker, deployment, addresses, ports }, 'deployed', { transfer: ports }),
    )
    await Promise.all(answers)
  }

  #end(reason: FinalReason, checkpoint: number): void {
    const { graph, pool } = this.#options
    if (reason === 'stop' || !graph.nodes.some((node) => node.passesOn))
      return this.#outcome.resolve({ kind: 'ended', reason, checkpoint })
    if (this.#stopping) return this.#outcome.resolve({ kind: 'ended', reason: 'stop', checkpoint })
    this.#passingOn = { checkpoint, awaited: new Set(this.#plan.tasks.flatMap((task) => task.workers)) }
    pool.broadcast({ type: 'pass-on' })
  }

  #passedOn(worker: number): void {
    const passing = this.#passingOn
    passing?.awaited.delete(worker)
    if (passing?.awaited.size !== 0) return
    this.#outcome.resolve({ kind: 'ended', reason: 'drained', checkpoint: passing.checkpoint })
  }

  #fail(failure: FailureInfo): void {
    this.#outcome.resolve({ kind: 'failed', failure })
  }

  #route(message: EnumeratorMessage): void {
    const subtask = message.to === 'enumerator' ? 0 : message.to
    const worker = this.#workersOf.get(message.node)?.[subtask]
    const what = `worker of subtask ${subtask} of source ${message.node}`
    this.#options.pool.post(present(worker, what), { type: 'enumerator', message })
  }

  #reached(report: AlignmentReport): void {
    this.#alignment.report(report)
    // While workers are being deployed not all have reported.
    if (this.#coordinator === undefined) return
    this.#cancelAlign ??= this.#options.clock.schedule(ALIGN_EVERY_MS, () => {
      this.#cancelAlign = undefined
      this.#align()
    })
  }

  #align(): void {
    const groups = this.#alignment.takeChanged()
    if (groups.length > 0) this.#options.pool.broadcast({ type: 'align', groups })
  }

  #coordinate(): Coordinator<FailureInfo> {
    const { pool, store, history, settings, clock, reports, graph, lastOnly = false } = this.#options
    const enumeratorWorkers = this.#enumeratorWorkers()
    return new Coordinator<FailureInfo>({
      rules: this.#rules(enumeratorWorkers),
      retention: settings,
      clock,
      store,
      history,
      manifest: {
        job: this.#plan.job,
        keyGroups: this.#plan.keyGroups,
        graph,
        ...(lastOnly && { mode: 'batch' as const }),
      },
      lastOnly,
      commands: {
        enumerate: (checkpoint) => {
          for (const worker of enumeratorWorkers) pool.post(worker, { type: 'snapshot-enumerators', checkpoint })
        },
        trigger: (checkpoint, final, folder) => pool.broadcast({ type: 'trigger', checkpoint, final, folder }),
        complete: (checkpoint, final, kept) => pool.broadcast({ type: 'complete', checkpoint, final, kept }),
        abort: (checkpoint) => pool.broadcast({ type: 'abort', checkpoint }),
        progress: (progress) => reports.checkpoint(progress),
        settled: (checkpoint) => reports.committed(checkpoint),
        tidyFailed: (cause) => reports.log('warn', 'old checkpoints could not be deleted', { reason: cause.message }),
        fail: (checkpoint, reason, cause) => this.#fail(cause ?? failedCheckpoint(checkpoint, reason)),
        end: (reason, checkpoint) => this.#end(reason, checkpoint),
        causeOf: (error) => checkpointFailure('in flight', error),
      },
    })
  }

  #rules(enumeratorWorkers: readonly number[]): DecideRules {
    // Where it cannot be restored a checkpoint is taken only when a source asks, and a barrier may wait for a long merge.
    const none = this.#options.lastOnly === true && {
      intervalMs: Number.POSITIVE_INFINITY,
      timeoutMs: Number.POSITIVE_INFINITY,
    }
    return {
      ...this.#options.settings,
      ...none,
      attempt: this.#options.deployment.attempt,
      subtasks: this.#plan.tasks.flatMap((task) => task.workers.map((_, subtask) => subtaskKey(task.id, subtask))),
      workers: [...new Set(this.#plan.tasks.flatMap((task) => task.workers))],
      enumeratorWorkers,
    }
  }

  #enumeratorWorkers(): number[] {
    const sources = this.#options.graph.nodes.filter((node) => node.kind === 'source')
    return [...new Set(sources.map((node) => present(this.#workersOf.get(node.name)?.[0], 'worker of a source')))]
  }
}

function failedCheckpoint(checkpoint: number | undefined, reason: string): FailureInfo {
  return failureFrom(new MillraceError('CHECKPOINT_FAILED', { checkpoint: checkpoint ?? 'without an id', reason }))
}
