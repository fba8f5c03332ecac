import { parse, resolve } from 'node:path'
import type { Job } from '../../src/graph/job.ts'
import { systemClock } from '../../src/util/clock.ts'
import { seededRng } from '../../src/util/rng.ts'
import { hostWorkerHere, spawnWorker } from '../worker/spawn-worker.ts'
import { JobManager } from './job-manager.ts'
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
  return runOf(manager, feed)
}

function runOf(manager: JobManager, feed: RunFeed): Run {
  const result = manager.run()
  return {
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
}

function loadMessage(job: string | Job, options: RunOptions): WorkerPoolOptions['load'] {
  const input = { settings: options.settings ?? {}, dataDir: dataDirOf(options), mode: options.mode ?? 'stream' }
  return { type: 'load', file: typeof job === 'string' ? resolve(job) : job.name, input }
}
