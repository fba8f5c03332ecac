// A disk that fills up under a running job, and has room again later: a real small file system, where the machine lets us mount one.
// Hunts for: what a write cut short by ENOSPC leaves behind, and a job that does not come back by itself.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runJob, startBin } from '../support/run-job.ts'
import { outcomeOf } from './outcome.ts'

const JOB = fileURLToPath(new URL('./jobs/every-step.ts', import.meta.url))

const disk = mkdtempSync(join(tmpdir(), 'disk-full-'))
const calmDir = mkdtempSync(join(tmpdir(), 'disk-calm-'))
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status === 0

beforeAll(async () => {
  if (mounted) await runJob([JOB, '--data-dir', calmDir])
})
afterAll(() => {
  // Lazily: a process that has just been killed may hold it for a moment.
  if (mounted) spawnSync('umount', ['-l', disk])
  for (const folder of [disk, calmDir]) rmSync(folder, { recursive: true, force: true })
})

/** Takes all the room there is. */
function fill(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (const chunk of [Buffer.alloc(1 << 16), Buffer.alloc(1)]) writeUntilFull(fd, chunk)
  } finally {
    closeSync(fd)
  }
}

function writeUntilFull(fd: number, chunk: Buffer): void {
  try {
    for (;;) writeSync(fd, chunk)
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC')
  }
}

// skip: mounting a file system needs rights that not every machine gives.
it.skipIf(!mounted)('full: checkpoints fail or the job restarts; with room again it ends as a calm run', async () => {
  const restart = ['--restart', 'fixed-delay', '--restart-attempts', '1000', '--restart-delay', '100ms']
  const bin = startBin('run-job', [JOB, '--data-dir', disk, ...restart])
  await bin.seen('checkpoint=2 status=complete')
  const ballast = join(disk, 'ballast')
  fill(ballast)
  await bin.seen(/status=failed|event=failure/)
  rmSync(ballast)
  const { code, stderr } = await bin.result
  expect(stderr).toMatch(/ENOSPC|no space|disk (is )?full|disk I\/O/i)
  expect(code).toBe(0)
  expect(await outcomeOf(disk)).toBe(await outcomeOf(calmDir))
})
