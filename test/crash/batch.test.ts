// A batch run that is killed starts from the beginning: nothing of the killed one shows, nothing shows twice, no spill is left behind.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { crashTest } from '../../runtime/testing/crash-test.ts'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { outcomeOf } from './outcome.ts'

const JOB = fileURLToPath(new URL('./jobs/every-step.ts', import.meta.url))
const full = process.env.MILLRACE_FULL === '1'

/** With one checkpoint, the last, each is passed in every run; the spool and keys often. */
const STEPS: readonly Failpoint[] = [
  'batch.spill.after',
  'batch.key.after',
  'source.barrier.after',
  'task.align.done',
  'task.snapshot.frozen',
  'sink.prepare.after',
  'manifest.rename.before',
  'manifest.rename.after',
  'commit.notify.before',
  'sink.commit.before',
  'sink.commit.middle',
  'sink.commit.after',
]

const variants = (full ? ['1', '3'] : ['2']).map((parallelism) => [
  '--batch',
  '--parallelism',
  parallelism,
  '--state-cache',
  '64KiB',
])

async function outcome(dataDir: string): Promise<string> {
  const work = join(dataDir, 'every-step', 'work')
  const left = existsSync(work) ? readdirSync(work) : []
  return `left in work: ${left.join(' ')}\n${await outcomeOf(dataDir)}`
}

test('killed at any step or moment, a batch run leaves what a calm one leaves', { timeout: 3_600_000 }, async () => {
  const report = await crashTest({
    job: JOB,
    variants,
    outcome,
    failpoints: STEPS,
    passings: [1],
    randomKills: 8,
    seed: full ? 5 : 4,
  })
  expect(report.failures).toEqual([])
  for (const step of STEPS) expect(report.reached).toContain(step)
})
