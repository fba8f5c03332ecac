// A job hosted in this thread and driven message by message, as the main thread would.

import { mkdtempSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import type { NodeRestore, TaskSnapshot } from '../../../runtime/checkpoint/snapshot.ts'
import { channelExists, type PhysicalPlan } from '../../../runtime/plan/physical-plan.ts'
import { planJob } from '../../../runtime/plan/planner.ts'
import type { FromWorker, ToWorker } from '../../../runtime/worker/messages.ts'
import { hostWorkerHere, type RunningWorker } from '../../../runtime/worker/spawn-worker.ts'
import { type Job, makeJob } from '../../../src/graph/job.ts'
import type { LogicalGraph } from '../../../src/graph/logical-graph.ts'
import { systemClock } from '../../../src/util/clock.ts'

type Of<T extends FromWorker['type']> = Extract<FromWorker, { type: T }>

/** A job from a way to make its graph. */
export function jobOf(build: () => LogicalGraph): Job {
  return makeJob({
    name: 'test',
    options: {},
    build: () => ({ graph: build(), onStart: [], onFinished: [] }),
  })
}

/** A fresh data directory. */
export function freshDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'millrace-'))
}

export interface HostedOptions {
  readonly parallelism?: number
  readonly workers?: number
  readonly jobDir?: string
  readonly attempt?: number
  readonly restore?: Readonly<Record<string, readonly NodeRestore[]>>
  readonly delivery?: 'exactly-once' | 'at-least-once'
  readonly start?: (job: Job) => RunningWorker
}

/** Runs a job over workers in this thread (or those that `start` makes) and keeps all they say. */
export class HostedJob {
  readonly heard: FromWorker[] = []
  readonly jobDir: string
  readonly #workers: RunningWorker[]
  readonly #options: HostedOptions
  #plan: PhysicalPlan | undefined
  #listeners: (() => void)[] = []

  constructor(job: Job, options: HostedOptions = {}) {
    this.#options = options
    this.jobDir = options.jobDir ?? freshDirectory()
    const start = options.start ?? ((given) => hostWorkerHere(systemClock, given))
    this.#workers = Array.from({ length: options.workers ?? 1 }, () => start(job))
    for (const worker of this.#workers) worker.link.onMessage((message) => this.#hear(message))
  }

  get plan(): PhysicalPlan {
    if (this.#plan === undefined) throw new Error('not deployed')
    return this.#plan
  }

  async deploy(file = 'none'): Promise<this> {
    const input = { settings: {}, dataDir: this.jobDir, mode: 'stream' } as const
    this.broadcast({ type: 'load', file, input })
    const loaded = await this.next('loaded', this.#workers.length)
    const { parallelism = 1, workers = 1 } = this.#options
    this.#plan = planJob(loaded.graph, { parallelism, workers })
    const ports = this.#connect(this.#plan)
    for (const [worker, { link }] of this.#workers.entries()) {
      const mine = ports.filter((end) => end.worker === worker)
      const transfer = mine.map(({ port }) => port)
      link.post(
        {
          type: 'deploy',
          worker,
          deployment: {
            attempt: this.#options.attempt ?? 0,
            plan: this.#plan,
            jobDir: this.jobDir,
            mode: 'stream',
            delivery: this.#options.delivery ?? 'exactly-once',
            state: { cacheBytes: 1 << 26 },
            restore: this.#options.restore ?? {},
            rewind: false,
          },
          addresses: mine.map(({ address }) => address),
          ports: transfer,
        },
        transfer,
      )
    }
    await this.next('deployed', this.#workers.length)
    return this
  }

  async start(): Promise<this> {
    await this.deploy()
    this.broadcast({ type: 'start' })
    return this
  }

  broadcast(message: ToWorker): void {
    for (const { link } of this.#workers) link.post(message)
  }

  /** Begins a checkpoint; every worker of these tests hosts or may host an enumerator. */
  async trigger(checkpoint: number, final = false): Promise<string> {
    this.broadcast({ type: 'snapshot-enumerators', checkpoint })
    await this.until(
      () =>
        this.all('enumerators-snapshotted').filter((m) => m.checkpoint === checkpoint).length === this.#workers.length,
    )
    const folder = join(this.jobDir, 'checkpoints', String(checkpoint))
    await mkdir(folder, { recursive: true })
    this.broadcast({ type: 'trigger', checkpoint, final, folder })
    return folder
  }

  /** A checkpoint from beginning to commit; its acknowledgements. */
  async checkpoint(checkpoint: number, final = false): Promise<TaskSnapshot[]> {
    await this.trigger(checkpoint, final)
    const snapshots = await this.acknowledged(checkpoint)
    await this.complete(checkpoint, final)
    return snapshots
  }

  async acknowledged(checkpoint: number): Promise<TaskSnapshot[]> {
    const count = this.plan.tasks.reduce((sum, task) => sum + task.parallelism, 0)
    const acks = (): Of<'ack'>[] => this.all('ack').filter((ack) => ack.checkpoint === checkpoint)
    await this.until(() => acks().length === count)
    return acks().map(({ snapshot }) => snapshot)
  }

  async complete(checkpoint: number, final = false): Promise<void> {
    this.broadcast({ type: 'complete', checkpoint, final })
    await this.until(
      () => this.all('committed').filter((m) => m.checkpoint === checkpoint).length === this.#workers.length,
    )
  }

  /** Until every subtask has seen the end of its input. */
  async drained(): Promise<void> {
    const count = this.plan.tasks.reduce((sum, task) => sum + task.parallelism, 0)
    await this.until(() => this.all('drained').length === count)
  }

  async cancel(): Promise<void> {
    this.broadcast({ type: 'cancel' })
    await this.next('cancelled', this.#workers.length)
  }

  async terminate(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  all<T extends FromWorker['type']>(type: T): Of<T>[] {
    return this.heard.filter((message): message is Of<T> => message.type === type)
  }

  /** Waits for `count` messages of a type in all; the last of them. */
  async next<T extends FromWorker['type']>(type: T, count = 1): Promise<Of<T>> {
    await this.until(() => this.all(type).length >= count)
    return this.all(type).at(-1) as Of<T>
  }

  /** Looks again after each message. Throws what failed, unless that is waited for. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
      const failed = this.all('failed')[0]
      if (failed !== undefined && !condition()) throw new Error(`${failed.failure.message}\n${failed.failure.stack}`)
    }
  }

  /** For conditions that no message announces. Throws what failed. */
  async eventually(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      const failed = this.all('failed')[0]
      if (failed !== undefined) throw new Error(`${failed.failure.message}\n${failed.failure.stack}`)
    }
  }

  #connect(plan: PhysicalPlan): {
    worker: number
    address: { edge: number; fromSubtask: number; toSubtask: number }
    port: import('node:worker_threads').MessagePort
  }[] {
    return plan.edges.flatMap((edge) => {
      const from = plan.tasks[edge.fromTask]?.workers ?? []
      const to = plan.tasks[edge.toTask]?.workers ?? []
      return from.flatMap((fromWorker, fromSubtask) =>
        to.flatMap((toWorker, toSubtask) => {
          if (fromWorker === toWorker || !channelExists(edge, fromSubtask, toSubtask)) return []
          const { port1, port2 } = new MessageChannel()
          const address = { edge: edge.id, fromSubtask, toSubtask }
          return [
            { worker: fromWorker, address, port: port1 },
            { worker: toWorker, address, port: port2 },
          ]
        }),
      )
    })
  }

  #hear(message: FromWorker): void {
    this.heard.push(message)
    if (message.type === 'enumerator') {
      const { node, to } = message.message
      const subtask = to === 'enumerator' ? 0 : to
      const task = this.plan.tasks.find(({ nodes }) => nodes.includes(node))
      this.#workers[task?.workers[subtask] ?? 0]?.link.post({ type: 'enumerator', message: message.message })
    }
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener()
  }
}

/** What to deploy with to go on from a checkpoint, with equal parallelism. */
export function restoreFrom(
  checkpoint: number,
  jobDir: string,
  snapshots: readonly TaskSnapshot[],
): Record<string, NodeRestore[]> {
  const restore: Record<string, NodeRestore[]> = {}
  for (const snapshot of snapshots.flatMap(({ nodes }) => nodes)) {
    const { node, subtask, keyed, operator, splits, enumerator, commit } = snapshot
    const list = restore[node] ?? []
    restore[node] = list
    list[subtask] = {
      node,
      folder: join(jobDir, 'checkpoints', String(checkpoint)),
      checkpoint,
      keyed: keyed === undefined ? [] : [keyed],
      operator: operator === undefined ? [] : [operator],
      splits,
      enumerator,
      commits: commit === undefined ? [] : [commit],
    }
  }
  return restore
}
