// WorkerHost: what a worker does with each message: loads the job, hosts its tasks, tells the main thread what they say.
//
// Owns: the tasks of the present deployment; the job that was loaded.
// Does not own: what tasks do (task/*); the thread it runs in (worker-thread) or the lack of one (in-process-worker).
//
// I1. Nothing runs between 'deployed' and 'start'.
// I2. After 'cancel' nothing of the old deployment is heard any more, and every function's close() was called.
// I3. A task that fails is reported; nothing is closed before 'cancel', for the main thread decides.

import { getHeapStatistics } from 'node:v8'
import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import type { BuildInput, BuiltJob, Job } from '../../src/graph/job.ts'
import { present } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import { type FileSystem, nodeFileSystem } from '../../src/util/file-system.ts'
import { failureOf } from '../task/failure.ts'
import type { OpenKeyedBackend } from '../task/task-environment.ts'
import type { TaskListener } from '../task/task-port.ts'
import { CheckpointFolders } from './checkpoint-folders.ts'
import { buildTasks, type DeployedTask } from './deployed-tasks.ts'
import { describeGraph } from './describe-graph.ts'
import type { FromWorker, GroupProgress, Link, ToWorker } from './messages.ts'

const METRICS_PERIOD_MS = 1000

export interface WorkerHostOptions {
  readonly link: Link<FromWorker, ToWorker>
  /** Throws JOB_FILE, JOB_NOT_FOUND, JOB_SEVERAL. */
  readonly loadJob: (file: string, name?: string) => Promise<Job>
  readonly openBackend: OpenKeyedBackend
  readonly clock: Clock
  /** Where the logs of epoch sinks are; default: this machine's. */
  readonly fileSystem?: FileSystem
}

type Deploy = Extract<ToWorker, { type: 'deploy' }>

/** Answers the messages of one link. */
export class WorkerHost {
  readonly #options: WorkerHostOptions
  #job: Job | undefined
  #input: BuildInput | undefined
  #described: BuiltJob | undefined
  #tasks: readonly DeployedTask[] = []
  #folders = new CheckpointFolders()
  /** Tasks that have not yet committed, by checkpoint. */
  #uncommitted = new Map<number, number>()
  #generation = 0
  #cancelMetrics: (() => void) | undefined

  constructor(options: WorkerHostOptions) {
    this.#options = options
    options.link.onMessage((message) => {
      this.#receive(message).catch((error: unknown) => this.fail(error))
    })
  }

  /** Something went wrong that no task has caught. */
  fail(error: unknown): void {
    this.#post({ type: 'failed', failure: failureOf(error, { node: undefined, subtask: undefined }) })
  }

  async #receive(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'load':
        return this.#load(message)
      case 'deploy':
        return this.#deploy(message)
      case 'start':
        return this.#start()
      case 'snapshot-enumerators':
        return this.#snapshotEnumerators(message.checkpoint)
      case 'trigger':
        return this.#trigger(message)
      case 'complete':
        return this.#complete(message)
      case 'pass-on':
        return this.#passOn()
      case 'abort':
        return this.#abort(message.checkpoint)
      case 'enumerator':
        return this.#route(message.message)
      case 'align':
        return this.#align(message.groups)
      case 'cancel':
        return this.#cancel()
      case 'hooks':
        return this.#runHooks(message.which)
      case 'ping':
        return this.#post({ type: 'pong', n: message.n })
    }
  }

  #post(message: FromWorker): void {
    this.#options.link.post(message)
  }

  async #load({ file, job, input }: Extract<ToWorker, { type: 'load' }>): Promise<void> {
    this.#job = await this.#options.loadJob(file, job)
    this.#input = input
    this.#described = this.#build()
    this.#post({ type: 'loaded', graph: describeGraph(this.#described.graph), options: this.#job.options })
  }

  #build(): BuiltJob {
    return present(this.#job, 'the job, loaded before it is deployed,').build(present(this.#input, 'the input'))
  }

  async #deploy({ worker, deployment, addresses, ports }: Deploy): Promise<void> {
    this.#generation += 1
    const generation = this.#generation
    this.#folders = new CheckpointFolders()
    this.#uncommitted = new Map()
    const { clock, openBackend, fileSystem = nodeFileSystem } = this.#options
    this.#tasks = buildTasks({
      worker,
      deployment,
      addresses,
      ports,
      clock,
      fileSystem,
      openBackend,
      build: () => this.#build().graph,
      folderOf: (checkpoint) => this.#folders.folderOf(checkpoint),
      listenerOf: (task, subtask) => this.#listener(generation, task, subtask),
    })
    await Promise.all(this.#tasks.map(({ task }) => task.open()))
    if (generation === this.#generation) this.#post({ type: 'deployed' })
  }

  #start(): void {
    for (const { task } of this.#tasks) task.start()
    this.#scheduleMetrics()
  }

  async #snapshotEnumerators(checkpoint: number): Promise<void> {
    const generation = this.#generation
    await Promise.all(this.#tasks.map(({ task }) => task.snapshotEnumerator(checkpoint)))
    if (generation === this.#generation) this.#post({ type: 'enumerators-snapshotted', checkpoint })
  }

  #trigger({ checkpoint, final, folder }: Extract<ToWorker, { type: 'trigger' }>): void {
    this.#folders.tell(checkpoint, folder)
    for (const { task } of this.#tasks) task.trigger({ kind: 'barrier', id: checkpoint, final })
  }

  #complete({ checkpoint, final, kept = true }: Extract<ToWorker, { type: 'complete' }>): void {
    // The last counts: whoever adds them up at the end must find every record.
    if (final) this.#reportMetrics()
    this.#folders.end(checkpoint)
    this.#uncommitted.set(checkpoint, this.#tasks.length)
    for (const { task } of this.#tasks) task.complete(checkpoint, kept)
    if (this.#tasks.length === 0) this.#post({ type: 'committed', checkpoint })
  }

  async #passOn(): Promise<void> {
    const generation = this.#generation
    const passed = await Promise.all(this.#tasks.map(({ task }) => task.drained()))
    if (generation !== this.#generation || !passed.every(Boolean)) return
    // Those of the last checkpoint say what was still to be passed on.
    this.#reportMetrics()
    this.#post({ type: 'passed-on' })
  }

  #abort(checkpoint: number): void {
    this.#folders.end(checkpoint)
    for (const { task } of this.#tasks) task.abort(checkpoint)
  }

  #route(message: Extract<ToWorker, { type: 'enumerator' }>['message']): void {
    const subtask = message.to === 'enumerator' ? 0 : message.to
    const target = this.#tasks.find((each) => each.subtask === subtask && each.planned.nodes[0] === message.node)
    target?.task.receive(message)
  }

  #align(groups: readonly GroupProgress[]): void {
    for (const { task } of this.#tasks) task.align(groups)
  }

  async #cancel(): Promise<void> {
    this.#generation += 1
    this.#cancelMetrics?.()
    const tasks = this.#tasks
    this.#tasks = []
    await Promise.all(tasks.map(({ task }) => task.cancel()))
    this.#post({ type: 'cancelled' })
  }

  async #runHooks(which: 'start' | 'finish'): Promise<void> {
    const built = present(this.#described, 'the job, loaded before its hooks run,')
    for (const hook of which === 'start' ? built.onStart : built.onFinished) {
      try {
        await hook()
      } catch (error) {
        throw hookError(which, built.graph.job, error)
      }
    }
    await stdoutTaken()
    this.#post({ type: 'hooks-done' })
  }

  #scheduleMetrics(): void {
    this.#cancelMetrics = this.#options.clock.schedule(METRICS_PERIOD_MS, () => {
      this.#reportMetrics()
      this.#scheduleMetrics()
    })
  }

  #reportMetrics(): void {
    const nodes = this.#tasks.flatMap(({ task }) => task.metrics())
    this.#post({ type: 'metrics', nodes, heapBytes: getHeapStatistics().used_heap_size })
  }

  #listener(generation: number, task: number, subtask: number): TaskListener {
    const post = (message: FromWorker): void => {
      if (generation === this.#generation) this.#post(message)
    }
    return {
      acknowledged: (checkpoint, snapshot) => post({ type: 'ack', checkpoint, snapshot }),
      declined: (checkpoint, failure) => post({ type: 'decline', checkpoint, task, subtask, failure }),
      drained: () => post({ type: 'drained', task, subtask }),
      committed: (checkpoint) => {
        if (generation === this.#generation) this.#countCommitted(checkpoint)
      },
      failed: (failure) => post({ type: 'failed', failure }),
      enumerator: (message) => post({ type: 'enumerator', message }),
      requestCheckpoint: () => post({ type: 'request-checkpoint' }),
      reached: (report) => post({ type: 'reached', report }),
      // Lines written while closing are still wanted.
      log: (level, message, fields) => this.#post({ type: 'log', level, message, fields }),
    }
  }

  #countCommitted(checkpoint: number): void {
    const left = (this.#uncommitted.get(checkpoint) ?? 0) - 1
    this.#uncommitted.set(checkpoint, left)
    if (left > 0) return
    this.#uncommitted.delete(checkpoint)
    this.#post({ type: 'committed', checkpoint })
  }
}

/** A worker's stdout travels through the main thread: what was printed must be there before the thread is ended. */
function stdoutTaken(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write('', () => resolve())
  })
}

const HOOKS = {
  start: { hook: 'onStart', when: 'before anything was opened' },
  finish: { hook: 'onFinished', when: 'after every sink had committed' },
} as const

function hookError(which: 'start' | 'finish', job: string, error: unknown): MillraceError {
  const reason = error instanceof Error && !isMillraceError(error) ? `${error.name}: ${error.message}` : reasonOf(error)
  return new MillraceError('USER_HOOK', { ...HOOKS[which], job, reason }, error)
}
