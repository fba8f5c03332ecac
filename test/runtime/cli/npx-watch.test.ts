// Hunts for: a job that goes on, and holds its lock, after the npx that started it was killed.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const RUN_JOB = fileURLToPath(new URL('../../../dist/runtime/cli/run-job.js', import.meta.url))
const JOB = fileURLToPath(new URL('../../support/jobs/endless-job.ts', import.meta.url))

/** What npx is to a job: a process of that title, with a shell between. */
const NPX = `process.title = 'npm exec run-job'
require('node:child_process').spawn('sh', ['-c', process.argv[1] + '; true'], { stdio: 'inherit' })`

// skip: only Linux tells in /proc who started whom
it.skipIf(process.platform !== 'linux')('a job ends when the npx that started it is killed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'npx-watch-'))
  const command = [process.execPath, RUN_JOB, JOB, '--data-dir', dir].map((word) => `'${word}'`).join(' ')
  const npx = spawn(process.execPath, ['-e', NPX, command], {
    env: { ...process.env, npm_command: 'exec' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  npx.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    if (stderr.includes('state=running')) npx.kill('SIGKILL')
  })
  // The pipe closes when the last of the three is gone: npx, the shell, the job.
  await new Promise((resolve) => npx.stderr.once('close', resolve))
  expect(stderr).toContain('state=running')
  rmSync(dir, { recursive: true, force: true })
})
