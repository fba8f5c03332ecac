// What a newcomer gets wrong, and what he reads then: the file, node or option, what was expected, what to do; no stack of ours.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runJob, startBin } from '../../support/run-job.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'millrace-mistakes-'))

beforeAll(() => {
  mkdirSync(join(dir, 'node_modules'))
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
  symlinkSync(ROOT, join(dir, 'node_modules', 'millrace'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const job = (name: string, body: string): string => `import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'
export default job('${name}', (flow, settings) => {
  const numbers = flow.from('numbers', generate({ count: settings.number('count', 3), make: (i) => i }))
  ${body}
})
`
const good = job('good', `numbers.to('out', print())`)

/** Runs a job file with this text. */
function runText(text: string, ...flags: string[]) {
  const file = join(dir, 'the-job.ts')
  writeFileSync(file, text)
  return runJob([file, '--data-dir', join(dir, 'data'), ...flags])
}

it.each<[string, string, string[], number, RegExp]>([
  ['a flag with a typo', good, ['--paralelism', '2'], 2, /--paralelism.*did you mean --parallelism\?/],
  ['a setting of the wrong type', good, ['--set', 'count=many'], 2, /Setting "count" is "many": expected a number/],
  [
    'a setting nobody reads',
    good,
    ['--set', 'cuont=1'],
    2,
    /Setting "cuont" is not read by job "good"\. It reads: count/,
  ],
  ['no default export', 'export const x = 1', [], 2, /the-job\.ts has no job: export default job\(name, build\)/],
  ['a syntax error', 'export default (', [], 2, /the-job\.ts:1:\d+: ERROR: /],
  ['a throw at import', `JSON.parse('{oops')`, [], 2, /the-job\.ts: .*JSON.*\n.*> 1 \| JSON\.parse/],
  [
    'a package that is not there',
    `import 'no-such-driver'`,
    [],
    2,
    /package "no-such-driver" is not installed: npm i no-such-driver/,
  ],
  ['a file that is not there', `import './gone.ts'`, [], 2, /the-job\.ts: Cannot find module '.*gone\.ts'/],
  [
    'two nodes of one name',
    job('j', `numbers.map('m', (x) => x).map('m', (x) => x).to('out', print())`),
    [],
    2,
    /two nodes "m": give each node a name of its own/,
  ],
  ['no sink', job('j', `numbers.map('m', (x) => x)`), [], 2, /Job "j" has no sink: end at least one stream with \.to/],
  [
    'state before keyBy, past the compiler',
    `import { KeyedProcessFunction } from 'millrace'
class F extends KeyedProcessFunction { sum = this.valueState('sum'); process() { this.sum.get() } }
${job('j', `numbers.process('sums', new F() as never).to('out', print())`)}`,
    [],
    2,
    /✗ Node "sums" declares keyed state or timers but its input has no key: call \.keyBy\(name, selector\) before it\.\n/,
  ],
  [
    'an option of a connector',
    job('j', `flow.from('more', generate({ count: -1, make: (i) => i })).to('out', print())`),
    [],
    2,
    /✗ .*the-job\.ts:6:\d+\n(?:.*\n)+ {2}Option count of generate: -1 is not a whole number from 0\n/,
  ],
  [
    'a checkpoint of elsewhere',
    good,
    ['--from-checkpoint', join(dir, 'gone')],
    2,
    /Checkpoint .*gone of job "good" is not there/,
  ],
])('%s', async (_what, text, flags, code, message) => {
  const result = await runText(text, ...flags)
  expect(result.stderr).toMatch(message)
  expect(result.stderr).not.toMatch(/^ +at /m)
  expect([result.code, result.stdout]).toEqual([code, ''])
})

it('an onStart hook that throws is told with its line and its job; nothing of restarts or of what is kept', async () => {
  const result = await runText(job('hooked', `flow.onStart(() => { null.x }); numbers.to('out', print())`))
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/✗ .*the-job\.ts:6:\d+\n/)
  expect(result.stderr).toContain(
    '  onStart hook of job "hooked" threw, before anything was opened: TypeError: Cannot read properties of null',
  )
  expect(result.stderr).not.toMatch(/no record|restart strategy|No restart|is kept/)
})

it('an onFinished hook too', async () => {
  const hook = `flow.onFinished(() => { throw new RangeError('odd') }); numbers.to('out', print())`
  const result = await runText(job('hooked-after', hook))
  expect(result.code).toBe(1)
  expect(result.stderr).toMatch(/✗ .*the-job\.ts:6:\d+\n/)
  expect(result.stderr).toContain(
    '  onFinished hook of job "hooked-after" threw, after every sink had committed: RangeError: odd\n',
  )
})

it('a job in a package that is not of modules is told what makes it one', async () => {
  const inside = join(dir, 'commonjs')
  mkdirSync(inside)
  writeFileSync(join(inside, 'package.json'), '{}')
  writeFileSync(join(inside, 'job.ts'), good)
  const refused = await runJob([join(inside, 'job.ts'), '--data-dir', join(dir, 'data')])
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('put "type": "module" into its package.json'),
  ])
  writeFileSync(join(inside, 'job.mts'), good)
  expect(await runJob([join(inside, 'job.mts'), '--data-dir', join(dir, 'data')])).toMatchObject({ code: 0 })
})

it('a data directory that cannot be made is named, at once', async () => {
  const taken = join(dir, 'a-file')
  writeFileSync(taken, '')
  const { code, stderr } = await runText(good, '--data-dir', join(taken, 'data'))
  expect(code).toBe(1)
  expect(stderr).toContain(`Could not lock ${join(taken, 'data', 'good', 'lock')}: ENOTDIR`)
})

it('a job that runs already is named, with its process', async () => {
  const file = join(dir, 'endless.ts')
  const endless = good
    .replace(`settings.number('count', 3)`, '1_000_000, perSecond: 100')
    .replace(`job('good'`, `job('endless'`)
  writeFileSync(file, endless)
  const bin = startBin('run-job', [file, '--data-dir', join(dir, 'data')])
  await bin.seen('state=running')
  const second = await runJob([file, '--data-dir', join(dir, 'data')])
  expect(second.code).toBe(1)
  expect(second.stderr).toContain(
    `Job "endless" is already running in ${join(dir, 'data', 'endless')} (process ${bin.child.pid})`,
  )
  bin.signal('SIGTERM')
  expect((await bin.result).code).toBe(0)
})
