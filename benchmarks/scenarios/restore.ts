// kill -9, then run-job again: from the command to the first new output, with little state and with much.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointSince, peakMemoryMb, type Started, startJob } from '../job-process.ts'
import type { Bench, Row, Scenario } from '../scenario.ts'
import { median, noiseOf } from '../statistics.ts'

interface Size {
  readonly name: string
  readonly keys: number
  readonly bytes: number
  readonly goalMs: number
}

const SIZES: readonly Size[] = [
  { name: '10 MB', keys: 10_000, bytes: 1000, goalMs: 1000 },
  { name: '1 GB', keys: 1_000_000, bytes: 1000, goalMs: 2000 },
]
const CACHE_MB = 256

interface Round {
  /** The first start: with nothing to restore. */
  readonly freshMs: number
  readonly restoredMs: number
  readonly memoryMb: number | undefined
}

/** Fills the state, kills the process once a checkpoint holds it, and starts it again; `kills` times. */
async function rounds({ keys, bytes }: Size, kills: number): Promise<Round[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const cache = ['--state-cache', `${CACHE_MB}MiB`, '--checkpoint-interval', '2s']
  const args = ['--quiet', ...cache, '--set', `keys=${keys}`, '--set', `bytes=${bytes}`]
  const found: Round[] = []
  let running = startJob(folder, 'restore-job.ts', args)
  try {
    const { ms: freshMs } = await firstOutput(running)
    await checkpointSince(folder, 'restore', (await running.marker('filled')).atMs)
    for (let i = 0; i < kills; i++) {
      running.child.kill('SIGKILL')
      await running.ended
      running = startJob(folder, 'restore-job.ts', args)
      const { ms: restoredMs, value } = await firstOutput(running)
      if (value < 2) throw new Error('the first record after a restore found no state')
      found.push({ freshMs, restoredMs, memoryMb: peakMemoryMb(running.child) })
    }
    return found
  } finally {
    running.child.kill('SIGKILL')
    await running.ended
    rmSync(folder, { recursive: true, force: true })
  }
}

async function firstOutput(started: Started): Promise<{ readonly ms: number; readonly value: number }> {
  const { atMs, value } = await started.marker('first-output')
  return { ms: atMs - started.atMs, value }
}

async function restored(bench: Bench, size: Size): Promise<Row> {
  const keys = Math.max(1000, Math.round(size.keys * bench.scale))
  const found = await rounds({ ...size, keys }, bench.smoke ? 1 : 5)
  const value = median(found.map(({ restoredMs }) => restoredMs))
  const ratios = found.map(({ freshMs, restoredMs }) => restoredMs / freshMs)
  const memory = found.flatMap(({ memoryMb }) => (memoryMb === undefined ? [] : [memoryMb]))
  return {
    name: `restore ${size.name} after kill -9, to first output`,
    unit: 'ms',
    value,
    ceiling: median(found.map(({ freshMs }) => freshMs)),
    ratio: median(ratios),
    better: 'lower',
    noise: noiseOf(ratios),
    memoryMb: memory.length === 0 ? undefined : Math.max(...memory),
    goal: `${size.goalMs} ms`,
    met: bench.smoke ? undefined : value <= size.goalMs,
  }
}

export const restore: Scenario = {
  name: 'restore',
  cases: {},
  async measure(bench) {
    const rows: Row[] = []
    for (const size of bench.smoke ? SIZES.slice(0, 1) : SIZES) rows.push(await restored(bench, size))
    return rows
  },
}
