// A worker thread that user code brings down, alone: the rest of the process tells what happened and starts it again.
// Hunts for: a failure that does not say what to do, a process that dies or hangs with its thread, records lost or repeated.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { runJob } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../support/jobs/hungry-job.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lost-workers-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const args = (fault: string, ...more: string[]): string[] => {
  const checkpoints = ['--checkpoint-interval', '100ms', '--parallelism', '2', '--restart-delay', '10ms']
  return [JOB, '--data-dir', dir, '--set', `fault=${fault}`, ...checkpoints, ...more]
}

/** Every number once, each in its place among its kind. */
function expectAll(): void {
  const db = new Database(join(dir, 'ledger.db'), { readonly: true })
  const sql = 'SELECT count(*), count(DISTINCT n), max(place) FROM ledger'
  expect(db.prepare(sql).raw(true).get()).toEqual([3_000, 3_000, 375])
  db.close()
}

// Heartbeats so far apart that one that is only slow, on a busy machine, is not taken for lost.
it('one that does not return is named with what it ran, and replaced', async () => {
  const { code, stderr } = await runJob(args('loop', '--heartbeat', '5s'))
  expect(stderr).toMatch(
    /✗ WORKER_LOST\n {2}Worker \d did not answer for 15000 ms: one of its functions does not return .* It ran .*meet.*\n/,
  )
  expect([code, stderr]).toEqual([0, expect.stringContaining('The job restarts in ')])
  expectAll()
})

it('one that takes all its memory ends alone, says so and what to do, and is replaced', async () => {
  const env = { NODE_OPTIONS: '--max-old-space-size=120' }
  const { code, stderr } = await runJob(args('memory', '--heartbeat', '20s'), { env })
  expect(stderr).toMatch(
    /✗ WORKER_LOST\n {2}Worker \d ran out of memory \(about \d+ MiB\): .*--max-old-space-size=MIB\. It ran /,
  )
  expect([code, stderr]).toEqual([0, expect.stringContaining('The job restarts in ')])
  expectAll()
})
