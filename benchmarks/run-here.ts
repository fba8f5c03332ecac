import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from 'millrace'
import { type CheckpointInfo, type RunOptions, type RunResult, run } from 'millrace/runtime'

/** No checkpoint but the last one: as long as timers go. */
const NO_CHECKPOINTS = { intervalMs: 2 ** 31 - 1 }

/** How a run went. */
export interface Ran {
  readonly result: RunResult
  /** Those that completed. */
  readonly checkpoints: readonly CheckpointInfo[]
  /** The most that keyed state took in the heap, looked at each second and at the end. */
  readonly stateBytesMax: number
  /** From when every task ran to the end: without loading the job and starting threads. */
  readonly runningMs: number
}

/** Runs a job to its end over a data directory of its own. `onRunning` is called when every task runs. Throws unless it finished. */
export async function runHere(
  job: Job | string,
  { onRunning, ...options }: RunOptions & { readonly onRunning?: () => void } = {},
): Promise<Ran> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const checkpoints: CheckpointInfo[] = []
  let runningSince = performance.now()
  try {
    const running = run(job, { dataDir, restart: { strategy: 'none' }, checkpoint: NO_CHECKPOINTS, ...options })
    running.checkpoints$.subscribe((one) => checkpoints.push(one))
    running.state$.subscribe((state) => {
      if (state !== 'running') return
      runningSince = performance.now()
      onRunning?.()
    })
    let stateBytesMax = 0
    const weigh = (nodes: RunResult['metrics']): void => {
      stateBytesMax = Math.max(
        stateBytesMax,
        nodes.reduce((sum, node) => sum + node.stateBytes, 0),
      )
    }
    running.metrics$.subscribe(weigh)
    const result = await running.result
    const runningMs = performance.now() - runningSince
    if (result.state !== 'finished') throw new Error(`the job ${result.state}: ${result.failure?.message}`)
    weigh(result.metrics)
    const complete = checkpoints.filter(({ status }) => status === 'complete')
    return { result, checkpoints: complete, stateBytesMax, runningMs }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
