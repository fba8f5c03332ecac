// Jobs that hang, and tests that die: what the kit's processes do then.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { crashTest } from '../../../runtime/testing/crash-test.ts'
import { runJobProcess } from '../../../runtime/testing/job-process.ts'

const KIT = new URL('../../../dist/runtime/testing/job-process.js', import.meta.url).href
const ENDLESS = fileURLToPath(new URL('../../support/jobs/endless-job.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'job-process-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it('a job that does not end is killed after timeoutMs, and says so', async () => {
  const result = await runJobProcess({ args: [ENDLESS, '--data-dir', dir], timeoutMs: 1_500 })
  expect(result).toMatchObject({ timedOut: true, code: undefined, signal: 'SIGKILL' })
})

it('crashTest reports a job that hangs as a failure, and goes on to its end', async () => {
  const report = await crashTest({ job: ENDLESS, outcome: () => '', failpoints: [], randomKills: 0, timeoutMs: 1_500 })
  expect(report.failures).toHaveLength(1)
  expect(report.failures[0]?.actual).toMatch(/^no end within 1500 ms: killed\. It wrote last:\n/)
})

it('no process is left behind when the one that started it is killed', async () => {
  const starter = join(dir, 'starter.mjs')
  const args = JSON.stringify([ENDLESS, '--data-dir', dir])
  writeFileSync(starter, `import { runJobProcess } from '${KIT}'\nawait runJobProcess({ args: ${args} })`)
  const child = spawn(process.execPath, [starter], { stdio: 'ignore' })
  const file = join(dir, 'pid')
  while (!existsSync(file)) await sleep(10)
  const pid = Number(readFileSync(file, 'utf8'))
  expect(isThere(pid)).toBe(true)
  child.kill('SIGKILL')
  while (isThere(pid)) await sleep(10)
})
