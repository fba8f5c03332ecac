// The built bins, as users run them, over a small job (test/support/jobs/counting-job.ts). `npm test` builds first.

import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { binFile, runJob, runMillrace, startBin } from '../../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../support/jobs/counting-job.ts', import.meta.url))

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const job = (...args: string[]): string[] => [JOB, '--data-dir', join(dir, 'data'), ...args]
const slowly = (...args: string[]): string[] => job('--set', 'count=100000', '--set', 'rate=200', ...args)

/** What the last printed sum of each key says: the state of the job as a reader of its output sees it. */
function lastCounts(stdout: string): number {
  const counts = new Map<string, number>()
  for (const [, key = '', count] of stdout.matchAll(/key: (\d+), count: (\d+)/g)) counts.set(key, Number(count))
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

it.each(['run-job', 'millrace'])('%s can be executed as it is built: npx calls it by its file', (bin) => {
  accessSync(binFile(bin), constants.X_OK)
})

describe('exit code', () => {
  it('0 when the job finished, with its counts reconciled', async () => {
    const { code, stderr } = await runJob(job('--set', 'count=1234'))
    expect(code).toBe(0)
    expect(stderr).toContain('✓ counting finished in')
    expect(stderr).toMatch(/sums +1,234 in +1,234 out/)
    expect(stderr).toMatch(/out +1,234 in/)
  })

  it('1 when it failed', async () => {
    const args = job('--set', 'failAt=7', '--set', 'failAlways', '--restart', 'none')
    const { code, stderr } = await runJob(args)
    expect(code).toBe(1)
    expect(stderr).toContain('✗ counting failed in')
  })

  it.each([
    [['--paralelism', '2'], 'did you mean --parallelism?'],
    [['--checkpoint-interval', '10'], 'expected a duration'],
    [['--set', 'cuont=1'], 'cuont'],
    [['--fresh', '--from-checkpoint', '1'], 'a job starts in one place'],
    [['--config', 'gone.json'], 'cannot read gone.json'],
    [['another.ts'], 'one argument too many'],
  ])('2 for the misuse %j', async (args, message) => {
    const { code, stdout, stderr } = await runJob(job(...args))
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/^ +at /m)
    expect([code, stdout]).toEqual([2, ''])
  })

  it('2 for a file that is not there, with the one that was meant', async () => {
    const { code, stderr } = await runJob([JOB.replace('counting', 'cuonting')])
    expect(code).toBe(2)
    expect(stderr).toMatch(/there is no such file \(did you mean .*counting-job\.ts\?\)/)
  })
})

describe('output', () => {
  it('stdout is the job’s own, whole and in order, the hook’s line last', async () => {
    const { stdout } = await runJob(job('--set', 'count=20000', '--quiet'))
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(20_001)
    expect(lines.at(-1)).toBe('counted 20000')
    expect(lastCounts(stdout)).toBe(20_000)
  })

  it('--json: every line of stderr is an event, and the counts of the last one reconcile', async () => {
    const { stderr } = await runJob(job('--set', 'count=500', '--parallelism', '2', '--json'))
    const events = stderr
      .trimEnd()
      .split('\n')
      .map(
        (line) => JSON.parse(line) as { type: string; state?: string; metrics?: { node: string; recordsIn: number }[] },
      )
    expect(events.filter(({ type }) => type === 'state').map(({ state }) => state)).toEqual([
      'starting',
      'running',
      'finished',
    ])
    const result = events.at(-1)
    expect(result).toMatchObject({ type: 'result', state: 'finished' })
    expect(result?.metrics?.find(({ node }) => node === 'out')?.recordsIn).toBe(500)
  })

  it('a user’s exception: his line and code, the node, the record, the restart; then the job goes on', async () => {
    const { code, stdout, stderr } = await runJob(job('--set', 'failAt=42', '--restart-delay', '10ms'))
    const at = stderr.indexOf('✗')
    expect(stderr.slice(at).split('\n')[0]).toMatch(/counting-job\.ts:31:\d+ {2}node "checked", subtask 0$/)
    expect(stderr).toContain('> 31 |   throw new TypeError(`number')
    expect(stderr).toContain('TypeError: number 42 is unlucky\n  record: 42\n  The job restarts in ')
    expect(stderr).not.toMatch(/^ +at /m)
    expect([code, lastCounts(stdout)]).toEqual([0, 100])
    expect(stderr).toContain('restarts: 1')
  })

  it('--explain draws and runs nothing', async () => {
    const text = await runJob(job('--explain'))
    expect(text.stdout).toContain('sums')
    const dot = await runJob(job('--explain=dot'))
    expect(dot.stdout).toMatch(/^digraph/)
    const json = await runMillrace(['explain', JOB, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ job: 'counting' })
    const jobs = await runMillrace(['jobs', '--data-dir', join(dir, 'data'), '--json'])
    expect(jobs.stdout).toBe('[]\n')
  })
})

describe('signals', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    '%s: a last checkpoint, exit 0, and the next start goes on',
    async (signal) => {
      const bin = startBin('run-job', slowly())
      await bin.seen('key: 9')
      bin.signal(signal)
      const first = await bin.result
      expect(first.code).toBe(0)
      expect(first.stderr).toContain('✓ counting stopped in')
      const before = lastCounts(first.stdout)
      const next = startBin('run-job', slowly())
      await next.seen('key: 9')
      next.signal('SIGTERM')
      const second = await next.result
      expect(second.stderr).toMatch(/event=restored checkpoint=\d/)
      const added = second.stdout.match(/key:/g)?.length ?? 0
      expect(lastCounts(first.stdout + second.stdout)).toBe(before + added)
    },
  )

  it('a second one ends at once, whatever the job does; the next start finds it whole', async () => {
    const count = ['--set', 'count=400']
    // In a worker, at the stop's own checkpoint: no other is due.
    const bin = startBin('run-job', job(...count, '--set', 'rate=20', '--checkpoint-interval', '1h'), {
      env: { MILLRACE_FAILPOINT: 'task.snapshot.frozen:hang' },
    })
    await bin.seen('key: 9')
    bin.signal('SIGINT')
    await bin.seen('once more ends at once')
    // Signals that come together count as one (a shell's and npx's), so it is sent until it counts.
    const again = setInterval(() => bin.signal('SIGINT'), 100)
    const { code, stderr } = await bin.result
    clearInterval(again)
    expect([code, stderr]).toEqual([130, expect.not.stringContaining('stopped in')])
    const next = await runJob(job(...count))
    expect([next.code, lastCounts(next.stdout)]).toEqual([0, 400])
  })

  it('kill -9 in the middle: the next start goes on from the last checkpoint and nothing is lost', async () => {
    const args = job('--set', 'count=400', '--checkpoint-interval', '100ms')
    // So slowly that it cannot end before its third checkpoint.
    const killed = await runJob([...args, '--set', 'rate=20'], { killAt: 'checkpoint=3 status=complete' })
    expect(killed.signal).toBe('SIGKILL')
    const { code, stdout, stderr } = await runJob(args)
    expect(code).toBe(0)
    expect(stderr).toMatch(/event=restored checkpoint=\d/)
    expect(lastCounts(killed.stdout + stdout)).toBe(400)
  })

  it('a reader that goes away stops the job cleanly', async () => {
    const bin = startBin('run-job', slowly())
    await bin.seen('key: 9')
    bin.child.stdout?.destroy()
    const { code, stderr } = await bin.result
    expect(stderr).toContain('stdout was closed by its reader')
    expect(code).toBe(0)
  })
})

describe('checkpoints', () => {
  const data = (): string[] => ['--data-dir', join(dir, 'data')]

  beforeEach(async () => {
    const bin = startBin('run-job', slowly('--checkpoint-interval', '50ms', '--checkpoint-retain', '3'))
    await bin.seen('checkpoint=3 status=complete')
    bin.signal('SIGTERM')
    expect((await bin.result).code).toBe(0)
  })

  it('are listed, inspected, copied, and started from', async () => {
    const list = await runMillrace(['checkpoints', 'counting', ...data()])
    expect(list.stdout).toMatch(/checkpoint +age +took +size/)
    expect(list.stdout).toContain('complete, the last of its run')
    const inspected = await runMillrace(['inspect', 'counting', ...data()])
    expect(inspected.stdout).toMatch(/complete, every file verified/)
    expect(inspected.stdout).toMatch(/sums +1 +keyed state/)
    const saved = await runMillrace(['savepoint', 'counting', join(dir, 'saved'), ...data()])
    expect(saved).toMatchObject({ code: 0, stdout: `${join(dir, 'saved')}\n` })
    const run = startBin('run-job', [
      JOB,
      '--data-dir',
      join(dir, 'elsewhere'),
      '--from-savepoint',
      join(dir, 'saved'),
      '--set',
      'rate=50',
    ])
    await run.seen('event=restored')
    run.signal('SIGTERM')
    await run.result
    const jobs = await runMillrace(['jobs', ...data()])
    expect(jobs.stdout).toMatch(/counting +not running +3/)
  })

  it('--from-checkpoint alone lists what is retained and says what to type', async () => {
    for (const args of [job('--from-checkpoint'), ['--from-checkpoint', JOB, ...data()]]) {
      const { code, stderr } = await runJob(args)
      expect(code).toBe(2)
      expect(stderr).toMatch(/Job "counting" retains these checkpoints:\n +checkpoint/)
      expect(stderr).toMatch(/To go back to one: run-job .*counting-job\.ts --data-dir .* --from-checkpoint \d+\n$/)
    }
  })

  it('--from-checkpoint with a number that is not retained says so, and lists', async () => {
    const { code, stderr } = await runJob(job('--from-checkpoint', '999'))
    expect(code).toBe(2)
    expect(stderr).toContain('Checkpoint 999 of job "counting" is not there')
    expect(stderr).toContain('To go back to one: ')
  })

  it('--from-checkpoint N goes back', async () => {
    const list = await runMillrace(['checkpoints', 'counting', '--json', ...data()])
    const [oldest] = JSON.parse(list.stdout) as { id: number }[]
    const bin = startBin('run-job', slowly('--from-checkpoint', String(oldest?.id), '--allow-repeat', 'out'))
    await bin.seen(`event=restored checkpoint=${oldest?.id} `)
    bin.signal('SIGTERM')
    expect((await bin.result).code).toBe(0)
  })

  it('of a job that is not there: names those that are', async () => {
    const { code, stderr } = await runMillrace(['checkpoints', 'conuting', ...data()])
    expect(code).toBe(2)
    expect(stderr).toContain('there is no job "conuting"')
    expect(stderr).toContain('did you mean counting?')
  })
})

describe('help', () => {
  it('goes to stdout and exits 0', async () => {
    for (const args of [['--help'], ['-h'], ['help'], []]) {
      const { code, stdout, stderr } = await runMillrace(args)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toContain('millrace COMMAND')
    }
    expect((await runJob(['--help'])).stdout).toContain('run-job FILE [options]')
    expect((await runMillrace(['help', 'savepoint'])).stdout).toContain('millrace savepoint JOB [FILE]')
    expect((await runJob(['--version'])).stdout).toMatch(/^millrace \d+\.\d+\.\d+\n$/)
  })
})
