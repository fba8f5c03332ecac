// What a batch run can be gone on from, what can be gone on from it, and how it is stopped.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NEVER } from 'rxjs'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createSavepoint } from '../../../runtime/control/create-savepoint.ts'
import { type RunOptions, run } from '../../../runtime/index.ts'
import { type RunHereOptions, runJobHere } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import { filesSource } from '../../../src/connectors/files/index.ts'
import { generate } from '../../../src/connectors/generate/index.ts'
import { fromObservable, type Job, job } from '../../../src/index.ts'

const root = mkdtempSync(join(tmpdir(), 'batch-run-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})

let dataDir: string
let out: unknown[]
/** How many numbers there are. */
let there: number
beforeEach(() => {
  dataDir = mkdtempSync(join(root, 'data-'))
  out = []
  there = 0
  write(10)
})

/** In a further file: a source that is asked again finds it. */
function write(upTo: number): void {
  const lines = Array.from({ length: upTo - there }, (_, i) => `${there + i}\n`)
  writeFileSync(join(dataDir, `${upTo}.txt`), lines.join(''))
  there = upTo
}

const numbers = () => filesSource({ paths: join(dataDir, '*.txt'), format: 'lines', follow: true })

/** The sum of the even and of the odd numbers. */
const sums = (): Job =>
  job('sums', (flow) => {
    flow
      .from('numbers', numbers())
      .map('number', Number)
      .keyBy('parity', (n) => n % 2)
      .reduce('sum', (a, b) => a + b)
      .to('out', collect(out as number[]))
  })

const copy = (): Job =>
  job('copy', (flow) => {
    flow
      .from('numbers', numbers())
      .map('number', Number)
      .to('out', collect(out as number[]))
  })

const ran = (of: Job, options: RunHereOptions) => runJobHere(of, { restart: { strategy: 'none' }, dataDir, ...options })

/** A stream run that has seen all there was, stopped. */
async function streamed(): Promise<void> {
  const following = run(sums(), { dataDir, checkpoint: { intervalMs: 5 } })
  while (out.length < there) await new Promise((resolve) => setTimeout(resolve, 5))
  await following.stop()
  out.length = 0
}

describe('goes on', () => {
  test('never from keyed state of a stream run', async () => {
    await streamed()
    const { failure } = await ran(sums(), { mode: 'batch' })
    expect(failure).toMatchObject({ code: 'RESTORE_MODE', domain: 'user' })
    expect(failure?.message).toContain('node "sum" has keyed state')
    expect((await ran(sums(), { mode: 'batch', fresh: true })).state).toBe('finished')
    expect(out.sort()).toEqual([20, 25])
  })

  test('in stream mode never from the end of a batch run, nor from a savepoint of it', async () => {
    expect((await ran(sums(), { mode: 'batch' })).state).toBe('finished')
    const { failure } = await ran(sums(), {})
    expect(failure?.message).toContain('of a batch run cannot be gone on from in stream mode: node "sum" kept no state')
    const fromSavepoint = await createSavepoint(dataDir, 'sums')
    const other = await ran(sums(), { dataDir: mkdtempSync(join(root, 'data-')), fromSavepoint })
    expect(other.failure?.code).toBe('RESTORE_MODE')
  })

  test('in batch mode from the end of a batch run only as long as nothing new has come', async () => {
    expect((await ran(sums(), { mode: 'batch' })).state).toBe('finished')
    expect((await ran(sums(), { mode: 'batch' })).state).toBe('finished')
    expect(out.sort()).toEqual([20, 25])
    write(11)
    const { failure } = await ran(sums(), { mode: 'batch' })
    expect(failure).toMatchObject({ code: 'RESTORE_MODE', node: 'sum', retry: 'never' })
    expect(out).toHaveLength(2)
  })

  test('either way where nothing is keyed', async () => {
    for (const mode of ['batch', 'stream', 'batch'] as const) {
      write(there + 10)
      if (mode === 'batch') expect((await ran(copy(), { mode })).state).toBe('finished')
      else {
        const following = run(copy(), { dataDir, checkpoint: { intervalMs: 5 } })
        while (out.length < there) await new Promise((resolve) => setTimeout(resolve, 5))
        await following.stop()
      }
    }
    expect(out).toEqual(Array.from({ length: there }, (_, n) => n))
  })
})

test.each([
  ['generate', () => generate({ make: (n) => n })],
  ['fromObservable', () => fromObservable<number>(() => NEVER, { log: true })],
])('a source without an end (%s) is refused by name', async (_name, source) => {
  const endless = job('endless', (flow) => {
    flow.from('for-ever', source()).to('out', collect(out as number[]))
  })
  const { failure, attempts } = await ran(endless, { mode: 'batch' })
  expect(failure).toMatchObject({ code: 'SOURCE_UNBOUNDED', node: 'for-ever' })
  expect(attempts).toBe(1)
})

describe('while it runs', () => {
  /** A source that has given all but the last when it waits. */
  const slow = (): Job =>
    job('slow', (flow) => {
      flow
        .from('numbers', generate({ count: 1e6, perSecond: 500, make: (n) => n }))
        .keyBy('parity', (n) => n % 2)
        .reduce('sum', (a, b) => a + b)
        .to('out', collect(out as number[]))
    })

  test('there is no checkpoint, asked for or not; a stop ends it at once, and the next run begins at the beginning', async () => {
    const options: RunOptions = { dataDir, mode: 'batch', checkpoint: { intervalMs: 1 } }
    const running = run(slow(), options)
    await new Promise<void>((resolve) => {
      running.state$.subscribe((state) => state === 'running' && resolve())
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(running.checkpoint()).rejects.toThrow('a batch run with keyed nodes has no checkpoint but its last')
    expect(await running.stop()).toMatchObject({ state: 'stopped', lastCheckpoint: undefined, failure: undefined })
    expect(readdirSync(join(dataDir, 'slow', 'checkpoints'))).toEqual([])
    expect(existsSync(join(dataDir, 'slow', 'work', '0'))).toBe(false)
    expect(out).toEqual([])
  })

  test('a throw after the last checkpoint and before its commit shows everything once', async () => {
    const fault = { failpoint: 'commit.notify.before' } as const
    const restart = { strategy: 'fixed-delay', attempts: 1, delayMs: 0 } as const
    const { state, faultFired } = await ran(sums(), { mode: 'batch', restart, fault })
    expect([state, faultFired]).toEqual(['finished', true])
    expect(out.sort()).toEqual([20, 25])
  })
})
