import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Job } from 'millrace'
import { type CheckpointInfo, type RunOptions, type RunResult, run } from 'millrace/runtime'

/** No checkpoint but the last one: as long as timers go. */
export const NO_CHECKPOINTS = { intervalMs: 2 ** 31 - 1 }

/** Runs a job to its end over a data directory of its own, and tells how it went. Throws unless it finished. */
export async function runHere(
  job: Job | string,
  options: RunOptions = {},
): Promise<{ readonly result: RunResult; readonly checkpoints: readonly CheckpointInfo[] }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const checkpoints: CheckpointInfo[] = []
  try {
    const running = run(job, { dataDir, restart: { strategy: 'none' }, checkpoint: NO_CHECKPOINTS, ...options })
    running.checkpoints$.subscribe((one) => checkpoints.push(one))
    const result = await running.result
    if (result.state !== 'finished') throw new Error(`the job ${result.state}: ${result.failure?.message}`)
    return { result, checkpoints: checkpoints.filter(({ status }) => status === 'complete') }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
