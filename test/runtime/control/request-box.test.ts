// Two processes and a folder between them; here both are this one.

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { askRunningJob, RequestBox } from '../../../runtime/control/request-box.ts'
import type { Run, RunResult } from '../../../runtime/control/run-types.ts'
import { systemClock } from '../../../src/util/clock.ts'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'requests-')), 'requests')
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

let stops = 0
const opened = async (checkpoint: Run['checkpoint']): Promise<RequestBox> => {
  stops = 0
  const stop = (): Promise<RunResult> => {
    stops += 1
    return new Promise(() => {})
  }
  const box = new RequestBox({ folder, run: { checkpoint, stop }, clock: systemClock })
  await box.open()
  return box
}

const ask = (wanted: 'checkpoint' | 'stop', running = true, takeWithinMs = 20_000) =>
  askRunningJob({ folder, wanted, isRunning: async () => running, takeWithinMs })

it('each request is answered once, with its own checkpoint, and leaves nothing behind', async () => {
  let id = 0
  const box = await opened(async () => ++id)
  const answers = await Promise.all([ask('checkpoint'), ask('checkpoint'), ask('checkpoint')])
  expect(answers.map((answer) => (answer.kind === 'checkpoint' ? answer.checkpoint : answer)).sort()).toEqual([1, 2, 3])
  expect(await readdir(folder)).toEqual([])
  box.close()
})

it('a checkpoint that fails is answered with the reason', async () => {
  const box = await opened(() => Promise.reject(new Error('the disk is full')))
  expect(await ask('checkpoint')).toEqual({ kind: 'failed', reason: 'the disk is full' })
  box.close()
})

it('a stop is answered before it begins', async () => {
  const box = await opened(async () => 1)
  expect(await ask('stop')).toEqual({ kind: 'stopping' })
  expect(stops).toBe(1)
  box.close()
})

it('nobody takes it: it is withdrawn, and a run that begins later never sees it', async () => {
  await mkdir(folder)
  expect(await ask('stop', true, 1)).toEqual({ kind: 'ignored' })
  expect(await readdir(folder)).toEqual([])
})

it('the process ends before it answers', async () => {
  await mkdir(folder)
  expect(await ask('checkpoint', false)).toEqual({ kind: 'ended' })
})

it('what an earlier run left is not acted upon', async () => {
  await mkdir(folder)
  await writeFile(join(folder, 'old.request'), 'stop')
  const box = await opened(async () => 5)
  expect(await ask('checkpoint')).toEqual({ kind: 'checkpoint', checkpoint: 5 })
  expect([stops, await readdir(folder)]).toEqual([0, []])
  box.close()
})
