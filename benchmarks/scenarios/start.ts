// From the command to the first record that reaches the sink, beside Node with the same loader and nothing else.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startJob, startNode } from '../job-process.ts'
import type { Scenario } from '../scenario.ts'
import { median, noiseOf } from '../statistics.ts'

const BARE = fileURLToPath(new URL('../bare-start-main.ts', import.meta.url))
const ROUNDS = 7
const GOAL_MS = 600

/** One start of each, in milliseconds. */
async function round(): Promise<{ readonly own: number; readonly bare: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const node = startNode(folder, ['--import', 'tsx', BARE, folder])
    const bare = (await node.marker('first-output')).atMs - node.atMs
    await node.ended
    const job = startJob(folder, 'start-job.ts', ['--quiet'])
    const own = (await job.marker('first-output')).atMs - job.atMs
    await job.ended
    return { own, bare }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const start: Scenario = {
  name: 'start',
  cases: {},
  async measure(bench) {
    const rounds: Awaited<ReturnType<typeof round>>[] = []
    for (let i = 0; i < (bench.smoke ? 1 : ROUNDS); i++) rounds.push(await round())
    const ratios = rounds.map(({ own, bare }) => own / bare)
    const value = median(rounds.map(({ own }) => own))
    return [
      {
        name: 'start: run-job to first record',
        unit: 'ms',
        value,
        ceiling: median(rounds.map(({ bare }) => bare)),
        ratio: median(ratios),
        better: 'lower',
        noise: noiseOf(ratios),
        goal: `${GOAL_MS} ms`,
        met: bench.smoke ? undefined : value <= GOAL_MS,
      },
    ]
  },
}
