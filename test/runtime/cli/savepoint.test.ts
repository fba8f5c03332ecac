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

it('what is kept of a key is told while the job runs, and by a savepoint; nothing of it is exit code 1', async () => {
  const bin = startBin('run-job', [...endless(), '--checkpoint-interval', '50ms'])
  await bin.seen('key: 9')
  await bin.seen('checkpoint=2 status=complete')
  const query = (place: string, ...more: string[]) =>
    runMillrace(['savepoint', 'query', place, '--node', 'sums', ...data(), ...more])
  const live = await query('counting', '--key', '7')
  expect(live.code).toBe(0)
  const { checkpoint, node, key, states, timers } = JSON.parse(live.stdout)
  expect({ node, key, timers }).toEqual({ node: 'sums', key: 7, timers: [] })
  expect(checkpoint).toBeGreaterThan(0)
  expect(states).toEqual([
    { name: 'sum', kind: 'value', codec: 'msgpack', version: 1, value: expect.objectContaining({ key: 7 }) },
  ])
  const { count, sum } = states[0].value
  expect(sum).toBe((count * (count - 1) * 10) / 2 + count * 7)
  const file = join(dir, 'one.savepoint')
  expect((await runMillrace(['savepoint', 'counting', file, ...data()])).code).toBe(0)
  const kept = await query(file, '--key', '7', '--state', 'sum', '--json')
  expect(kept.stdout.split('\n')).toHaveLength(2)
  expect(JSON.parse(kept.stdout).states[0].value.count).toBeGreaterThanOrEqual(count)
  const none = await query(file, '--key', '"7"')
  expect([none.code, none.stdout]).toEqual([1, ''])
  expect(none.stderr).toMatch(/^Node "sums" keeps nothing of key "7" \(checkpoint \d+\)\.\n$/)
  bin.signal('SIGTERM')
  expect((await bin.result).code).toBe(0)
  expect(readdirSync(join(dir, 'data', 'counting', 'savepoints'))).toEqual([])
})

it('inspect tells what is in a savepoint, or in the latest checkpoint', async () => {
  const ran = await runJob([JOB, ...data(), '--set', 'count=100'])
  expect(ran.code).toBe(0)
  const file = join(dir, 'end.savepoint')
  await runMillrace(['savepoint', 'counting', file, ...data()])
  for (const place of [file, 'counting']) {
    const text = await runMillrace(['savepoint', 'inspect', place, ...data()])
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/checkpoint 1 of counting, whole\n.*128 key groups/)
    expect(text.stdout).toMatch(/sums +sum +value +msgpack 1 +10 +\d+ B/)
    const { nodes } = JSON.parse((await runMillrace(['savepoint', 'inspect', place, '--json', ...data()])).stdout)
    expect(nodes.map(({ node }: { node: string }) => node)).toEqual(['numbers', 'checked', 'remainder', 'sums', 'out'])
    expect(nodes[3].state).toEqual({
      keys: 10,
      states: [
        {
          name: 'sum',
          kind: 'value',
          codec: 'msgpack',
          version: 1,
          ttl: false,
          entries: 10,
          bytes: expect.any(Number),
        },
      ],
      timers: { event: { count: 0 }, processing: { count: 0 } },
    })
  }
})

it.each([
  [['inspect', 'conuting'], 'there is no job "conuting"'],
  [['inspect', 'lost.savepoint'], 'there is no file lost.savepoint'],
  [['query', 'counting', '--node', 'sums'], '--key from the command line: it is missing'],
  [['query', 'counting', '--node', 'sums', '--key', 'Anna'], `a string has quotes of its own: --key '"Anna"'`],
  [['query', 'counting', '--node', 'sums', '--key', '{"a":1}'], 'expected a string, number, bigint, boolean or a list'],
  [['query', 'counting', '--node', 'smus', '--key', '1'], 'there is no keyed state of node "smus"'],
  [
    ['query', 'counting', '--node', 'sums', '--key', '1', '--state', 'x'],
    'there is no state "x" (node "sums" keeps sum)',
  ],
])('a mistake in %j is told, with exit code 2', async (args, message) => {
  await runJob([JOB, ...data(), '--set', 'count=10'])
  const { code, stdout, stderr } = await runMillrace(['savepoint', ...args, ...data()])
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
})

it('help knows the commands of two words', async () => {
  expect((await runMillrace(['help', 'savepoint', 'query'])).stdout).toContain('millrace savepoint query FILE|JOB')
  expect((await runMillrace(['savepoint', 'inspect', '--help'])).stdout).toContain(
    'millrace savepoint inspect FILE|JOB',
  )
  expect((await runMillrace(['help'])).stdout).toContain('savepoint query FILE|JOB')
})
