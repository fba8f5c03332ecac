// The shell around decide: are decisions carried out in order, and does nothing stay behind, whatever the disk does?

import { describe, expect, it } from 'vitest'
import { type CheckpointProgress, Coordinator } from '../../../runtime/checkpoint/coordinator.ts'
import type { Cause, DecideRules } from '../../../runtime/checkpoint/facts.ts'
import { CheckpointHistory } from '../../../runtime/checkpoint/history.ts'
import { jobLayout } from '../../../runtime/checkpoint/layout.ts'
import { CheckpointStore } from '../../../runtime/checkpoint/store.ts'
import { ManualClock } from '../../support/runtime-context.ts'
import { MemoryFs } from './memory-fs.ts'
import { GRAPH, taskOf } from './samples.ts'

const LAYOUT = jobLayout('/data/shop')
const RULES: DecideRules = {
  attempt: 0,
  intervalMs: 100,
  timeoutMs: 50,
  minPauseMs: 0,
  tolerableFailures: 1,
  subtasks: ['0/0'],
  workers: [0],
  enumeratorWorkers: [0],
}

async function make(rules: Partial<DecideRules> = {}, onTrigger: () => void = () => {}, lastOnly = false) {
  const fs = new MemoryFs()
  const clock = new ManualClock()
  const store = await CheckpointStore.open(fs, LAYOUT)
  const history = await CheckpointHistory.open(fs, LAYOUT, store, async () => undefined)
  const said: string[] = []
  const progress: CheckpointProgress[] = []
  const say =
    (what: string) =>
    (...details: unknown[]): void =>
      void said.push([what, ...details].join(' '))
  const coordinator = new Coordinator<Cause>({
    rules: { ...RULES, ...rules },
    retention: { retain: 2, expireMs: undefined },
    clock,
    store,
    history,
    manifest: { job: 'shop', keyGroups: 128, graph: GRAPH },
    lastOnly,
    commands: {
      enumerate: say('enumerate'),
      trigger: (id, final) => {
        onTrigger()
        say('trigger')(id, final)
      },
      complete: say('complete'),
      abort: say('abort'),
      progress: (each) => void progress.push(each),
      settled: say('settled'),
      tidyFailed: say('tidy failed'),
      fail: (id, reason) => say('fail')(id, reason),
      end: say('end'),
      causeOf: (error) => ({ message: (error as Error).message }),
    },
  })
  /** Answers as workers would, as far as asked to. */
  const answer = async (id: number, upTo: 'enumerate' | 'ack' | 'commit'): Promise<void> => {
    await heard(said, `enumerate ${id}`)
    coordinator.tell({ type: 'enumerated', worker: 0, checkpoint: id })
    if (upTo === 'enumerate') return
    coordinator.tell({ type: 'ack', attempt: 0, checkpoint: id, snapshot: taskOf(0, 0) })
    if (upTo === 'ack') return
    await heard(said, `complete ${id}`)
    coordinator.tell({ type: 'committed', worker: 0, checkpoint: id })
  }
  return { fs, clock, store, said, progress, coordinator, answer }
}

/** Waits in turns of the event loop until something begins with these words. */
async function heard(said: readonly string[], words: string): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (said.some((each) => each.startsWith(words))) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`never said "${words}", but ${said.join(', ')}`)
}

const foldersOf = (fs: MemoryFs): Promise<readonly string[]> => fs.list(LAYOUT.checkpoints)

describe('Coordinator', () => {
  it('takes checkpoints at the interval and keeps what retention says', async () => {
    const { fs, clock, said, progress, coordinator, answer } = await make()
    for (let id = 1; id <= 4; id++) {
      clock.advance(100)
      await answer(id, 'commit')
    }
    await coordinator.close()
    expect(said.slice(0, 4)).toEqual(['enumerate 1', 'trigger 1 false', 'complete 1 false true', 'settled 1'])
    expect(progress.map(({ id, status }) => `${id} ${status}`).slice(0, 4)).toEqual([
      '1 in-progress',
      '1 complete',
      '2 in-progress',
      '2 complete',
    ])
    expect(await foldersOf(fs)).toEqual(['3', '4'])
  })

  it('where only the last can be restored, those that sources ask for are told to these alone, and not kept', async () => {
    const { fs, said, progress, coordinator, answer } = await make(
      { intervalMs: Number.POSITIVE_INFINITY },
      undefined,
      true,
    )
    coordinator.tell({ type: 'request' })
    await answer(1, 'commit')
    coordinator.tell({ type: 'request' })
    await answer(2, 'commit')
    expect(await foldersOf(fs)).toEqual([])
    expect(progress).toEqual([])
    coordinator.tell({ type: 'drained', attempt: 0, task: 0, subtask: 0 })
    await answer(3, 'commit')
    await coordinator.close()
    expect(said.filter((each) => each.startsWith('complete'))).toEqual([
      'complete 1 false false',
      'complete 2 false false',
      'complete 3 true true',
    ])
    expect(progress.map(({ id, status }) => `${id} ${status}`)).toEqual(['3 complete'])
    expect(await foldersOf(fs)).toEqual(['3'])
  })

  it('a timeout aborts, tells why, and leaves no folder behind', async () => {
    const { fs, clock, said, progress, coordinator, answer } = await make()
    clock.advance(100)
    await answer(1, 'enumerate')
    clock.advance(50)
    expect(said).toContain('abort 1')
    await coordinator.close()
    expect(progress.at(-1)).toMatchObject({ id: 1, status: 'failed', reason: expect.stringContaining('within 50 ms') })
    expect(await foldersOf(fs)).toEqual([])
  })

  it('a full disk at the id or the manifest is a failed checkpoint; the next one succeeds', async () => {
    for (const doing of ['create /data/shop/sequence.tmp', 'write /data/shop/checkpoints/1/manifest.json.tmp']) {
      const { fs, clock, said, coordinator, answer } = await make()
      fs.failOnce = doing
      clock.advance(100)
      if (doing.includes('manifest')) await answer(1, 'ack').then(() => heard(said, 'abort 1'))
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
      clock.advance(100)
      await answer(2, 'commit')
      await coordinator.close()
      expect(said.some((each) => each.startsWith('fail'))).toBe(false)
      expect(await foldersOf(fs)).toEqual(['2'])
    }
  })

  it('a rename of unknown outcome fails the attempt, aborts nothing and leaves the folder to the restart', async () => {
    const { fs, clock, said, coordinator, answer } = await make()
    fs.failOnce = 'rename /data/shop/checkpoints/1/manifest.json.tmp'
    clock.advance(100)
    await answer(1, 'ack')
    await heard(said, 'fail 1')
    await coordinator.close()
    expect(said.some((each) => each.startsWith('abort'))).toBe(false)
    expect(await foldersOf(fs)).toEqual(['1'])
  })

  it('requests resolve to the checkpoint that serves them, and are refused once it is over', async () => {
    const { said, coordinator, answer } = await make()
    const first = coordinator.request()
    const same = coordinator.request()
    await answer(1, 'enumerate')
    const next = coordinator.request()
    coordinator.tell({ type: 'ack', attempt: 0, checkpoint: 1, snapshot: taskOf(0, 0) })
    await heard(said, 'complete 1')
    expect(await Promise.all([first, same])).toEqual([1, 1])
    coordinator.tell({ type: 'committed', worker: 0, checkpoint: 1 })
    await answer(2, 'enumerate')
    const failed = expect(next).rejects.toThrow('a worker was lost')
    coordinator.tell({ type: 'attempt-failed', cause: { message: 'a worker was lost' } })
    await failed
    await coordinator.close()
    await expect(coordinator.request()).rejects.toThrow('no more checkpoints')
  })

  it('I2: close() waits for the manifest that is being written, and it counts', async () => {
    const { clock, store, said, progress, coordinator, answer } = await make()
    clock.advance(100)
    await answer(1, 'ack')
    await coordinator.close()
    expect(progress.at(-1)).toMatchObject({ id: 1, status: 'complete' })
    expect((await store.stored()).map(({ id }) => id)).toEqual([1])
    expect(said.some((each) => /complete|abort|fail/.test(each))).toBe(false)
  })

  it('a step that throws ends the attempt, and no timer outlives it', async () => {
    const { fs, clock, said, coordinator } = await make({}, () => {
      throw new Error('the link is gone')
    })
    clock.advance(100)
    await heard(said, 'enumerate 1')
    coordinator.tell({ type: 'enumerated', worker: 0, checkpoint: 1 })
    expect(said).toEqual(['enumerate 1', 'abort 1', 'fail 1 the link is gone'])
    await coordinator.close()
    expect(clock.pending).toBe(0)
    expect(await foldersOf(fs)).toEqual([])
  })

  it('stop: one last checkpoint, then the end', async () => {
    const { said, coordinator, answer } = await make()
    coordinator.tell({ type: 'stop' })
    await answer(1, 'commit')
    expect(said).toEqual(['enumerate 1', 'trigger 1 true', 'complete 1 true true', 'settled 1', 'end stop 1'])
    await coordinator.close()
  })
})
