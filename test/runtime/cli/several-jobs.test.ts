// A file with several jobs, with the built bins: each in a process of its own, started again when it is killed.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../../runtime/index.ts'
import { runJob, runMillrace, startBin } from '../../support/run-job.ts'

const FILE = fileURLToPath(new URL('../../support/jobs/two-jobs.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-several-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const args = (...more: string[]): string[] => [FILE, '--data-dir', join(dir, 'data'), ...more]
const printed = (text: string, job: string): number[] =>
  [...text.matchAll(new RegExp(`^(?:${job} +\\| )?${job} (\\d+)$`, 'gm'))].map(([, number]) => Number(number))
const pidOf = (job: string): number => {
  const lock = readFileSync(join(dir, 'data', job, 'lock'), 'utf8')
  return Number(/"pid":\s*(\d+)/.exec(lock)?.[1] ?? lock.trim().split('\n')[0])
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('a file with several jobs', () => {
  it('runs each to its end, its lines behind its name', async () => {
    const { code, stdout, stderr } = await runJob(args('--set', 'left=30', '--set', 'right=50'))
    expect(code).toBe(0)
    expect(printed(stdout, 'left')).toEqual(upTo(30))
    expect(printed(stdout, 'right')).toEqual(upTo(50))
    expect(stdout.trim().split('\n')).toSatisfy((lines: string[]) =>
      lines.every((line) => /^(left |right) \| /.test(line)),
    )
    expect(stderr).toContain('left  | ✓ left finished in')
    expect(stderr).toContain('right | ✓ right finished in')
  })

  it('starts a killed one again, from its last checkpoint, while the others go on', async () => {
    const process_ = startBin('run-job', args('--set', 'left=1500', '--set', 'right=1500', '--set', 'rate=150'))
    await process_.seen('right | right 300')
    process.kill(pidOf('right'), 'SIGKILL')
    const { code, stdout, stderr } = await process_.result
    expect(code).toBe(0)
    expect(stderr).toMatch(/^right \| its process ended by SIGKILL; started again in/m)
    expect(stderr).toMatch(/^right \| .*restored/m)
    expect(stderr).not.toMatch(/^left {2}\| its process/m)
    expect(printed(stdout, 'left')).toEqual(upTo(1500))
    // What was printed after the last checkpoint is printed again; nothing is left out.
    expect([...new Set(printed(stdout, 'right'))]).toEqual(upTo(1500))
  })

  it('gives one up that is killed more often than its strategy allows, with exit code 1, and the others end', async () => {
    const process_ = startBin('run-job', args('--set', 'left=1500', '--set', 'right=60000', '--set', 'rate=500'))
    let last = -1
    for (let kill = 0; kill < 3; kill++) {
      await expect.poll(() => running('right', last)).toBe(true)
      last = pidOf('right')
      process.kill(last, 'SIGKILL')
    }
    const { code, stdout, stderr } = await process_.result
    expect(code).toBe(1)
    expect(stderr).toContain('right | its process ended by SIGKILL; not started again')
    expect(printed(stdout, 'left')).toEqual(upTo(1500))
  })

  it('stops all of them on a signal, each with a last checkpoint; started again they go on', async () => {
    const slowly = ['--set', 'left=1000', '--set', 'right=1000', '--set', 'rate=400']
    const process_ = startBin('run-job', args(...slowly))
    await process_.seen(/left +\| left 50\n/)
    await process_.seen('right | right 50')
    process_.signal('SIGTERM')
    const first = await process_.result
    expect(first.code).toBe(0)
    const second = await runJob(args(...slowly))
    for (const job of ['left', 'right'])
      expect([...printed(first.stdout, job), ...printed(second.stdout, job)]).toEqual(upTo(1000))
  })

  it('ends them when it is killed itself', async () => {
    const process_ = startBin('run-job', args('--set', 'left=100000', '--set', 'rate=200', '--set', 'right=100000'))
    await process_.seen('right | right 20')
    await process_.seen(/left +\| left 20\n/)
    const pids = [pidOf('left'), pidOf('right')]
    process_.signal('SIGKILL')
    await expect.poll(() => pids.some(isAlive)).toBe(false)
  })

  it('runs one alone in this process, and those that are named', async () => {
    const one = await runJob(args('--job', 'right', '--set', 'right=20'))
    expect(one.code).toBe(0)
    expect(printed(one.stdout, 'right')).toEqual(upTo(20))
    expect(one.stdout).not.toContain('|')
    const two = await runJob(args('--fresh', '--job=left', '--set', 'left=20'))
    expect(printed(two.stdout, 'left')).toEqual(upTo(20))
  })

  it('has the exit code of the first that failed; the others end', async () => {
    const { code, stdout, stderr } = await runJob(args('--set', 'fail=right', '--restart', 'none'))
    expect(code).toBe(1)
    expect(stderr).toContain('right was told to fail')
    expect(printed(stdout, 'left')).toEqual(upTo(100))
  })

  it.each([
    [['--job', 'middle'], 'has no job "middle", but left, right'],
    [['--job', 'middle', '--job', 'left'], 'there is no job "middle"'],
    [['--fresh'], 'name it with --job, of left, right'],
    [['--from-checkpoint', '3'], 'name it with --job'],
  ])('refuses %j', async (more, message) => {
    const { code, stderr } = await runJob(args(...more))
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  it('is refused by run(), unless it is told which', async () => {
    const dataDir = join(dir, 'data')
    const { failure } = await run(FILE, { dataDir, inProcess: true }).result
    expect(failure).toMatchObject({ code: 'JOB_SEVERAL', message: expect.stringContaining('(left, right)') })
    const result = await run(FILE, { dataDir, inProcess: true, job: 'left', settings: { left: '3' } }).result
    expect(result).toMatchObject({ state: 'finished' })
  })

  it('is drawn whole, or the one that is named', async () => {
    const both = await runJob(args('--explain'))
    expect(both.stdout).toMatch(/left[\s\S]*right/)
    const one = await runMillrace(['explain', FILE, '--job', 'left'])
    expect(one.stdout).not.toContain('right')
  })
})

function running(job: string, formerPid: number): boolean {
  try {
    return pidOf(job) !== formerPid && isAlive(pidOf(job))
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
