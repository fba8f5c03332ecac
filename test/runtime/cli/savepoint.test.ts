// Savepoints of a job that runs in another process: taken for it, with it, killed under it.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runJob, runMillrace, startBin } from '../../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../support/jobs/counting-job.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-savepoint-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const data = (): string[] => ['--data-dir', join(dir, 'data')]
// No checkpoint comes by itself.
const endless = (): string[] => [
  JOB,
  ...data(),
  '--set',
  'count=100000',
  '--set',
  'rate=500',
  '--checkpoint-interval',
  '1h',
]

it('a running job takes a checkpoint for it, and runs on', async () => {
  const bin = startBin('run-job', endless())
  await bin.seen('key: 9')
  const first = await runMillrace(['savepoint', 'counting', join(dir, 'one'), ...data()])
  expect(first).toMatchObject({ code: 0, stdout: `${join(dir, 'one')}\n` })
  const second = await runMillrace(['savepoint', 'counting', '--json', ...data()])
  expect(JSON.parse(second.stdout)).toEqual({
    job: 'counting',
    file: join(dir, 'data', 'counting', 'savepoints', '2.savepoint'),
  })
  bin.signal('SIGTERM')
  expect((await bin.result).stderr).toContain('checkpoint=2 status=complete')
  expect(readdirSync(join(dir, 'data', 'counting', 'requests'))).toEqual([])
})

it('--stop ends the job; the savepoint is of its last record', async () => {
  const bin = startBin('run-job', endless())
  await bin.seen('key: 9')
  const saved = await runMillrace(['savepoint', 'counting', join(dir, 'last'), '--stop', ...data()])
  expect(saved).toMatchObject({ code: 0 })
  const stopped = await bin.result
  expect([stopped.code, stopped.signal]).toEqual([0, null])
  const printed = stopped.stdout.match(/key:/g)?.length ?? 0
  const args = [
    JOB,
    '--data-dir',
    join(dir, 'new'),
    '--from-savepoint',
    join(dir, 'last'),
    '--set',
    `count=${printed + 50}`,
  ]
  const next = await runJob(args)
  expect(next.stderr).toContain('event=restored checkpoint=1 ')
  expect(next.stdout.match(/key:/g)).toHaveLength(50)
})

it('a job that is killed under it: a failure or a savepoint that is whole, and never half of one', async () => {
  const bin = startBin('run-job', endless(), { env: { MILLRACE_FAILPOINT: 'manifest.rename.before:kill' } })
  await bin.seen('key: 9')
  const saved = await runMillrace(['savepoint', 'counting', join(dir, 'half'), ...data()])
  expect((await bin.result).signal).toBe('SIGKILL')
  expect(saved.code).not.toBe(0)
  expect(readdirSync(dir)).toEqual(['data'])
})

it('a place that is taken is refused before the job is stopped', async () => {
  const bin = startBin('run-job', endless())
  await bin.seen('key: 9')
  const refused = await runMillrace(['savepoint', 'counting', dir, '--stop', ...data()])
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('it is there already: name a file that is not')
  expect(bin.child.exitCode).toBeNull()
  bin.signal('SIGTERM')
  expect((await bin.result).code).toBe(0)
})
