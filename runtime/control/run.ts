import { join, parse, resolve } from 'node:path'
import type { Job } from '../../src/graph/job.ts'
import { type Clock, systemClock } from '../../src/util/clock.ts'
import { seededRng } from '../../src/util/rng.ts'
import { jobLayout } from '../checkpoint/layout.ts'
import { hostWorkerHere, spawnWorker } from '../worker/spawn-worker.ts'
import { JobManager } from './job-manager.ts'
import { RequestBox } from './request-box.ts'
import { RunFeed } from './run-feed.ts'
import { DEFAULT_HEARTBEAT_MS, dataDirOf } from './run-options.ts'
import type { Run, RunFunction, RunOptions } from './run-types.ts'
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.ts'

/** Starts a job: from a job file (its default export) on worker threads, or from a Job in this thread. */
export const run: RunFunction = (job, options = {}) => {
  const clock = systemClock
  const inProcess = typeof job !== 'string' || options.inProcess === true
  const feed = new RunFeed(clock, typeof job === 'string' ? parse(job).name : job.name)
  if (typeof job !== 'string') feed.named(job.name)
  const pool = new WorkerPool({
    start: () => (inProcess ? hostWorkerHere(clock, typeof job === 'string' ? undefined : job) : spawnWorker()),
    load: loadMessage(job, options),
    clock,
    heartbeatMs: inProcess ? undefined : (options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS),
  })
  const rng = seededRng(clock.now())
  const manager = new JobManager({ run: options, inProcess, pool, feed, clock, rng })
  return runOf(manager, feed, dataDirOf(options), clock)
}

function runOf(manager: JobManager, feed: RunFeed, dataDir: string, clock: Clock): Run {
  const result = manager.run()
  const started: Run = {
    graph: manager.planned,
    state$: feed.state$.asObservable(),
    events$: feed.events$.asObservable(),
    metrics$: feed.metrics$.asObservable(),
    checkpoints$: feed.checkpoints$.asObservable(),
    result,
    checkpoint: () => manager.checkpoint(),
    stop: () => {
      manager.stop()
      return result
    },
    cancel: () => {
      manager.cancel()
      return result
    },
  }
  void answerRequests(started, dataDir, clock).catch(() => {})
  return started
}

/** While the job runs, other processes may ask for a checkpoint or a stop. A folder that refuses that refuses no more than that. */
async function answerRequests(run: Run, dataDir: string, clock: Clock): Promise<void> {
  // Once it is planned its folder is locked: what lies there is nobody else's.
  const { plan } = await run.graph
  const box = new RequestBox({ folder: jobLayout(join(dataDir, plan.job)).requests, run, clock })
  await box.open()
  await run.result
  box.close()
}

function loadMessage(job: string | Job, options: RunOptions): WorkerPoolOptions['load'] {
  const input = { settings: options.settings ?? {}, dataDir: dataDirOf(options), mode: options.mode ?? 'stream' }
  const file = typeof job === 'string' ? resolve(job) : job.name
  return { type: 'load', file, input, ...(options.job !== undefined && { job: options.job }) }
}
