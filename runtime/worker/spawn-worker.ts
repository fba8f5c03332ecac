// Workers as the control plane starts them: a thread each, or hosted in this thread.

import { getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { reasonOf } from '../../src/errors.ts'
import type { Job } from '../../src/graph/job.ts'
import type { Clock } from '../../src/util/clock.ts'
import { openKeyedBackend } from '../state/open-keyed-backend.ts'
import { linkPair } from './link-pair.ts'
import { loadJobFile } from './load-job.ts'
import type { FromWorker, Link, ToWorker } from './messages.ts'
import { portLink } from './port-link.ts'
import { WorkerHost } from './worker-host.ts'

/** A worker that was started. */
export interface RunningWorker {
  readonly link: Link<ToWorker, FromWorker>
  /** Ends it whatever it does. */
  terminate(): Promise<void>
  /** Called once if it ends by itself; `reason` completes 'Worker 3 …'. */
  onExit(handler: (reason: string) => void): void
}

/** Starts a thread that hosts tasks. */
export function spawnWorker(): RunningWorker {
  const worker = startThread()
  let ending = false
  let error: unknown
  worker.on('error', (thrown) => {
    error = thrown
  })
  return {
    link: portLink<ToWorker, FromWorker>(worker),
    terminate: async () => {
      ending = true
      await worker.terminate()
    },
    onExit: (handler) => {
      worker.on('exit', (code) => {
        if (!ending) handler(error === undefined ? `ended with code ${code}` : whyEnded(error))
      })
    },
  }
}

/** A thread whose heap is full ends alone: Node gives each one a limit of its own, the same as the main thread's. */
function whyEnded(error: unknown): string {
  if ((error as NodeJS.ErrnoException | null)?.code !== 'ERR_WORKER_OUT_OF_MEMORY') return `ended: ${reasonOf(error)}`
  const limit = Math.round(getHeapStatistics().heap_size_limit / (1 << 20))
  return `ran out of memory (about ${limit} MiB): one of its functions keeps more and more outside of state, or needs NODE_OPTIONS=--max-old-space-size=MIB`
}

/** Hosts tasks in this thread, for debuggers and embedders; the messages are the same. `job`: used instead of a file. */
export function hostWorkerHere(clock: Clock, job?: Job): RunningWorker {
  const [mainEnd, workerEnd] = linkPair<ToWorker, FromWorker>()
  new WorkerHost({
    link: workerEnd,
    loadJob: (file, name) => (job === undefined ? loadJobFile(file, name) : Promise.resolve(job)),
    openBackend: openKeyedBackend,
    clock,
  })
  return {
    link: mainEnd,
    terminate: async () => {
      const cancelled = new Promise<void>((resolve) => {
        mainEnd.onMessage((message) => {
          if (message.type === 'cancelled') resolve()
        })
      })
      mainEnd.post({ type: 'cancel' })
      await cancelled
    },
    onExit: () => {},
  }
}

/** From compiled code the entry is JavaScript; from sources (tests) the thread must learn TypeScript first. */
function startThread(): Worker {
  const compiled = import.meta.url.endsWith('.js')
  const entry = new URL(compiled ? './worker-thread.js' : './worker-thread.ts', import.meta.url)
  if (compiled) return new Worker(entry)
  const bootstrap = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(entry.href)}) })`
  return new Worker(bootstrap, { eval: true })
}
