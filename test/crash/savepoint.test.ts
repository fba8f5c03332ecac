// Killed while a savepoint is written: the job is unharmed, and what stands under the savepoint's name is whole or nothing.

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { type ProcessResult, runJob, runMillrace, startBin } from '../support/run-job.ts'
import { outcomeOf } from './outcome.ts'

const full = process.env.MILLRACE_FULL === '1'
const JOB = fileURLToPath(new URL('./jobs/every-step.ts', import.meta.url))
/** Passed by the process that writes the savepoint. Whether it stands under its name then. */
const STEPS: readonly (readonly [Failpoint, boolean])[] = [
  ['savepoint.write.middle', false],
  ['savepoint.rename.before', false],
  ['savepoint.rename.after', true],
]

let dir: string
beforeEach(() => {
  dir = freshFolder()
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))
const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'millrace-savepoint-crash-'))

/** So slow that it does not end before it is stopped, however busy the machine. */
const SLOWLY = ['--set', 'rate=50']
const run = (name: string, ...more: string[]): string[] => [
  JOB,
  '--data-dir',
  join(dir, name),
  '--parallelism',
  '2',
  '--set',
  'count=5000',
  ...more,
]

/** What a run without any savepoint leaves. */
let calm: string
beforeAll(async () => {
  dir = freshFolder()
  expect((await runJob(run('calm'))).code).toBe(0)
  calm = await outcomeOf(join(dir, 'calm'))
  rmSync(dir, { recursive: true, force: true })
})

const leftIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('.'))

// In full mode, what npm test leaves out.
it.each(full ? [] : STEPS)('killed at %s', async (step, stands) => {
  const bin = startBin('run-job', run('data', ...SLOWLY))
  await bin.seen('checkpoint=3 status=complete')
  const target = join(dir, 'kept', 's.savepoint')
  const save = (env: Record<string, string> = {}): Promise<ProcessResult> =>
    runMillrace(['savepoint', 'every-step', target, '--data-dir', join(dir, 'data')], { env })
  const killed = await save({ MILLRACE_FAILPOINT: step })
  expect([killed.signal, killed.stderr]).toEqual(['SIGKILL', ''])
  expect(existsSync(target)).toBe(stands)
  const half = readdirSync(join(dir, 'kept')).find((name) => name !== 's.savepoint')
  if (half !== undefined) {
    const refused = await runJob(run('new', '--from-savepoint', join(dir, 'kept', half)))
    // Complete, but for its name: then it is whole, and may be started from.
    if (step === 'savepoint.write.middle')
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/is damaged at byte/)])
  }
  const again = await save()
  expect(again.code).toBe(stands ? 1 : 0)
  expect(leftIn(join(dir, 'kept'))).toEqual([])
  expect(leftIn(join(dir, 'data', 'every-step', 'savepoints'))).toEqual([])
  const inspected = await runMillrace(['savepoint', 'inspect', target])
  expect([inspected.code, inspected.stderr]).toEqual([0, ''])
  bin.signal('SIGTERM')
  expect((await bin.result).code).toBe(0)
  expect((await runJob(run('data'))).code).toBe(0)
  expect(await outcomeOf(join(dir, 'data'))).toEqual(calm)
})

const OF_THE_JOB: readonly Failpoint[] = ['manifest.rename.before', 'checkpoint.delete.middle']
const MORE_OF_THE_JOB: readonly Failpoint[] = ['source.barrier.after', 'state.link.middle', 'manifest.rename.after']

it.each(full ? MORE_OF_THE_JOB : OF_THE_JOB)(
  'the job is killed at %s while savepoints of it are made: each is whole or not there',
  async (step) => {
    const bin = startBin('run-job', run('data', ...SLOWLY), { env: { MILLRACE_FAILPOINT: `${step}@12` } })
    await bin.seen('checkpoint=2 status=complete')
    const targets = Array.from({ length: 3 }, (_, i) => join(dir, `${i}.savepoint`))
    // One after the other, until the job is gone.
    for (const target of targets)
      await runMillrace(['savepoint', 'every-step', target, '--data-dir', join(dir, 'data')])
    expect((await bin.result).signal).toBe('SIGKILL')
    for (const target of targets.filter((each) => existsSync(each))) {
      expect((await runMillrace(['savepoint', 'inspect', target])).code).toBe(0)
    }
    expect(readdirSync(dir).filter((name) => name.startsWith('.'))).toEqual([])
    expect((await runJob(run('data'))).code).toBe(0)
    expect(await outcomeOf(join(dir, 'data'))).toEqual(calm)
  },
)

it('stopped with a savepoint, the job goes on from it at another parallelism with each kind of sink', async () => {
  const bin = startBin('run-job', run('data', ...SLOWLY))
  await bin.seen('checkpoint=5 status=complete')
  const target = join(dir, 's.savepoint')
  const args = ['savepoint', 'every-step', target, '--stop', '--data-dir', join(dir, 'data')]
  expect((await runMillrace(args)).code).toBe(0)
  expect((await bin.result).code).toBe(0)
  const on = await runJob(run('data', '--from-savepoint', target, '--parallelism', '3', '--allow-repeat', 'ledger'))
  expect([on.code, on.stderr]).toEqual([0, expect.stringContaining(`folder=${target}`)])
  expect(await outcomeOf(join(dir, 'data'))).toEqual(calm)
})
