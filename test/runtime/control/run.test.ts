// Jobs run to their end in this thread, whatever happens on the way; the target must hold every update exactly once.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { firstValueFrom } from 'rxjs'
import { filter } from 'rxjs/operators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inspectCheckpoint, listCheckpoints, listJobs } from '../../../runtime/control/checkpoint-tools.ts'
import { createSavepoint } from '../../../runtime/control/create-savepoint.ts'
import { run } from '../../../runtime/control/run.ts'
import type { Run, RunEvent, RunOptions, RunResult } from '../../../runtime/control/run-types.ts'
import { faultOf, type LedgerJobOptions, ledgerJob, readTarget } from '../../support/ledger-job.ts'

let folder = ''
let target = ''
let dataDir = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-'))
  target = join(folder, 'target')
  dataDir = join(folder, 'data')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const RECORDS = 1500
const FAST: RunOptions = {
  checkpoint: { intervalMs: 10 },
  restart: { strategy: 'fixed-delay', attempts: 3, delayMs: 1 },
}

type TestJob = Partial<LedgerJobOptions> & { readonly paced?: boolean }

function start(job: TestJob = {}, options: RunOptions = {}): { running: Run; events: RunEvent[] } {
  let complete = 0
  // Paced by checkpoints, not by time: a fifth of the records after each one, however slow the machine is.
  const mayRead = (read: number): boolean => job.paced !== true || read < (complete + 1) * (RECORDS / 5)
  const { paced: _paced, ...more } = job
  const running = run(ledgerJob({ target, records: RECORDS, mayRead, ...more }), { dataDir, ...FAST, ...options })
  const events: RunEvent[] = []
  running.events$.subscribe((event) => events.push(event))
  running.events$.subscribe((event) => {
    if (event.type === 'committed') complete += 1
  })
  return { running, events }
}

const runToEnd = (job: TestJob = {}, options: RunOptions = {}): Promise<RunResult> => start(job, options).running.result

const fault = async (records = RECORDS): Promise<string | undefined> => faultOf(await readTarget(target), records)
const statesOf = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'state' ? [event.state] : []))
const checkpointed = (running: Run, id: number): Promise<unknown> =>
  firstValueFrom(
    running.checkpoints$.pipe(filter((checkpoint) => checkpoint.status === 'complete' && checkpoint.id >= id)),
  )

/** Throws the first time it is called at or after the nth record. */
function throwOnceAt(n: number): () => void {
  let calls = 0
  let thrown = false
  return () => {
    calls += 1
    if (thrown || calls < n) return
    thrown = true
    throw new Error('a user bug')
  }
}

describe('run', () => {
  it.each([1, 3])(
    'a bounded job finishes with parallelism %i, tells its states, and runs its hooks',
    async (parallelism) => {
      let finished = 0
      const { running, events } = start({ onFinished: () => finished++ }, { parallelism })
      const result = await running.result
      expect(result).toMatchObject({ state: 'finished', failure: undefined, attempts: 1 })
      expect(statesOf(events)).toEqual(['starting', 'running', 'finished'])
      expect(finished).toBe(1)
      expect(await fault()).toBeUndefined()
      const { plan } = await running.graph
      expect(plan.keyGroups).toBe(128)
      const lines = (await readFile(join(dataDir, 'ledger', 'events.ndjson'), 'utf8')).trim().split('\n')
      expect(lines.map((line) => JSON.parse(line) as RunEvent)).toEqual(JSON.parse(JSON.stringify(events)))
      expect(await readdir(join(dataDir, 'ledger'))).not.toContain('lock')
    },
  )

  it('metrics of the end reconcile with the input', async () => {
    const { metrics } = await runToEnd({}, { parallelism: 2 })
    expect(metrics.map(({ node, recordsIn }) => [node, recordsIn])).toEqual(
      expect.arrayContaining([
        ['sums', RECORDS],
        ['target', RECORDS],
      ]),
    )
  })

  it('a job that finished and is started again repeats nothing and finishes at once', async () => {
    let finished = 0
    await runToEnd({ onFinished: () => finished++ })
    const first = await readTarget(target)
    const { running, events } = start({ onFinished: () => finished++ })
    expect((await running.result).state).toBe('finished')
    expect(events.some((event) => event.type === 'restored')).toBe(true)
    expect(await readTarget(target)).toEqual(first)
    expect(finished).toBe(2)
  })

  it.each([1, 400, 1100, 1499])(
    'a user function that throws at record %i: restarted, nothing lost, nothing twice',
    async (at) => {
      const { running, events } = start({ onRecord: throwOnceAt(at), paced: true }, { parallelism: 2 })
      expect(await running.result).toMatchObject({ state: 'finished', attempts: 2 })
      const failure = events.find((event) => event.type === 'failure')
      expect(failure).toMatchObject({ failure: { code: 'USER_FUNCTION', node: 'sums' } })
      expect(statesOf(events)).toEqual(['starting', 'running', 'restarting', 'starting', 'running', 'finished'])
      expect(await fault()).toBeUndefined()
    },
  )

  it.each([1, 2, 4])('a sink that throws at commit %i: restarted, each epoch applied once', async (at) => {
    const result = await runToEnd({ onApply: throwOnceAt(at), paced: true })
    expect(result).toMatchObject({ state: 'finished', attempts: 2 })
    expect(await fault()).toBeUndefined()
  })

  it('out of attempts: failed, with its state kept; mended and started again it goes on', async () => {
    const bug = (): never => {
      throw new Error('always')
    }
    let calls = 0
    const onRecord = (): void => void (++calls > 700 && bug())
    const { running, events } = start(
      { onRecord, paced: true },
      { restart: { strategy: 'fixed-delay', attempts: 2, delayMs: 1 } },
    )
    const result = await running.result
    expect(result).toMatchObject({ state: 'failed', attempts: 3, failure: { code: 'USER_FUNCTION' } })
    expect(events.some((event) => event.type === 'log' && /failed after 3 attempts/.test(event.message))).toBe(true)
    const before = (await readTarget(target)).length
    expect(before).toBeGreaterThan(0)
    expect((await runToEnd()).state).toBe('finished')
    expect(await fault()).toBeUndefined()
  })

  it('strategy none: the first failure is the end', async () => {
    const result = await runToEnd({ onRecord: throwOnceAt(5) }, { restart: { strategy: 'none' } })
    expect(result).toMatchObject({ state: 'failed', attempts: 1 })
  })

  it('a hook that throws makes the run fail, and only it is repeated', async () => {
    const result = await runToEnd({ onFinished: throwOnceAt(1) })
    expect(result).toMatchObject({ state: 'failed', failure: { message: expect.stringContaining('a user bug') } })
    expect((await runToEnd()).state).toBe('finished')
    expect(await fault()).toBeUndefined()
  })

  it('stop takes a last checkpoint; the job goes on from it, with any parallelism', async () => {
    let parallelism = 1
    for (const next of [3, 2, 8]) {
      const { running } = start({ endless: true, pauseMs: 5 }, { parallelism, checkpoint: { intervalMs: 60_000 } })
      await firstValueFrom(running.state$.pipe(filter((state) => state === 'running')))
      await new Promise((resolve) => setTimeout(resolve, 25))
      const result = await running.stop()
      expect(result).toMatchObject({ state: 'stopped', failure: undefined })
      expect(result.lastCheckpoint).toBeGreaterThan(0)
      parallelism = next
    }
    expect(await runToEnd({}, { parallelism })).toMatchObject({ state: 'finished', failure: undefined })
    expect(await fault()).toBeUndefined()
  })

  it('cancel ends at once, at any moment, and loses nothing', async () => {
    for (const afterMs of [0, 5, 30, 80]) {
      const { running } = start({ endless: true, pauseMs: 3 })
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      expect((await running.cancel()).state).toBe('cancelled')
    }
    for (const afterMs of [0, 1, 3]) {
      const { running } = start({ endless: true })
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      expect((await running.stop()).state).toBe('stopped')
    }
    expect((await runToEnd()).state).toBe('finished')
    expect(await fault()).toBeUndefined()
  })

  it('checkpoint() resolves to its id when it is complete', async () => {
    const { running } = start({ endless: true }, { checkpoint: { intervalMs: 60_000 } })
    await firstValueFrom(running.state$.pipe(filter((state) => state === 'running')))
    const id = await running.checkpoint()
    expect((await listCheckpoints(dataDir, 'ledger')).map((checkpoint) => checkpoint.id)).toContain(id)
    await running.cancel()
    await expect(running.checkpoint()).rejects.toThrow('not running')
  })

  it('keeps as many checkpoints as asked', async () => {
    await runToEnd({ paced: true }, { checkpoint: { intervalMs: 5, retain: 2 } })
    const kept = await listCheckpoints(dataDir, 'ledger')
    expect(kept).toHaveLength(2)
    expect(kept.at(-1)?.final).toBe(true)
  })

  it('a second run of the same job is refused while the first goes on', async () => {
    const { running } = start({ endless: true })
    await checkpointed(running, 1)
    const second = await runToEnd()
    expect(second).toMatchObject({ state: 'failed', failure: { code: 'JOB_LOCKED' } })
    expect((await listJobs(dataDir)).map(({ job, runningPid }) => [job, runningPid])).toEqual([['ledger', process.pid]])
    await running.cancel()
    expect((await listJobs(dataDir))[0]?.runningPid).toBeUndefined()
  })

  it('bad options fail the run with their path, and touch nothing', async () => {
    const result = await runToEnd({}, { parallelism: 0 })
    expect(result).toMatchObject({ state: 'failed', attempts: 0, failure: { code: 'CONFIG_INVALID' } })
    await expect(readdir(dataDir)).rejects.toThrow(/ENOENT/)
  })
})

describe('going back', () => {
  /** Endless, stopped after some checkpoints; returns the ids. */
  async function someCheckpoints(): Promise<number[]> {
    const { running } = start({ endless: true, pauseMs: 5 }, { checkpoint: { intervalMs: 10, retain: 50 } })
    await checkpointed(running, 4)
    await running.stop()
    return (await listCheckpoints(dataDir, 'ledger')).map(({ id }) => id)
  }

  it('is refused where a sink would repeat, and allowed by name', async () => {
    const [first = 0] = await someCheckpoints()
    const refused = await runToEnd({}, { fromCheckpoint: first })
    expect(refused).toMatchObject({ state: 'failed', attempts: 0, failure: { code: 'RESTORE_SINK_REPEATS' } })
    const { running, events } = start({}, { fromCheckpoint: String(first), allowRepeat: ['target'] })
    expect((await running.result).state).toBe('finished')
    expect(events.find((event) => event.type === 'restored')).toMatchObject({ checkpoint: first })
    const values = new Set((await readTarget(target)).map(({ value }) => value))
    expect(values.size).toBe(RECORDS)
  })

  it('stands when the run ends before its first checkpoint', async () => {
    const [first = 0, ...later] = await someCheckpoints()
    const back = start(
      { endless: true },
      { fromCheckpoint: first, allowRepeat: ['target'], checkpoint: { intervalMs: 60_000 } },
    )
    await firstValueFrom(back.running.state$.pipe(filter((state) => state === 'running')))
    await back.running.cancel()
    expect((await listCheckpoints(dataDir, 'ledger')).map(({ id }) => id)).toEqual([first])
    const { running, events } = start()
    expect((await running.result).state).toBe('finished')
    expect(events.find((event) => event.type === 'restored')).toMatchObject({ checkpoint: first })
    const kept = await listCheckpoints(dataDir, 'ledger')
    expect(kept.every(({ id }) => id === first || id > Math.max(...later))).toBe(true)
  })

  it('has not happened when a hook that runs before it throws', async () => {
    const [first = 0, ...later] = await someCheckpoints()
    const onStart = (): never => {
      throw new Error('not today')
    }
    const back = { fromCheckpoint: first, allowRepeat: ['target'] }
    expect(await runToEnd({ onStart }, back)).toMatchObject({
      state: 'failed',
      attempts: 0,
      failure: { code: 'USER_HOOK', message: expect.stringContaining('onStart hook of job "ledger" threw') },
    })
    expect((await listCheckpoints(dataDir, 'ledger')).map(({ id }) => id)).toEqual([first, ...later])
    const { running, events } = start()
    expect((await running.result).state).toBe('finished')
    expect(events.find((event) => event.type === 'restored')).toMatchObject({ checkpoint: later.at(-1) })
    expect(await fault()).toBeUndefined()
  })

  it('to one that is not there names those that are', async () => {
    const ids = await someCheckpoints()
    const result = await runToEnd({}, { fromCheckpoint: 999 })
    expect(result.failure?.message).toBe(`Checkpoint 999 of job "ledger" is not there. Retained: ${ids.join(', ')}.`)
  })

  it('a damaged state file is named with the next older checkpoint', async () => {
    const ids = await someCheckpoints()
    const last = ids.at(-1) ?? 0
    const details = await inspectCheckpoint(dataDir, 'ledger', last)
    const handle = details.manifest.tasks.flatMap(({ nodes }) => nodes).find(({ keyed }) => keyed !== undefined)?.keyed
    const file = join(
      details.folder,
      handle?.folder ?? '',
      handle?.files.find(({ name }) => name.endsWith('.sst'))?.name ?? handle?.files[0]?.name ?? '',
    )
    const bytes = await readFile(file)
    bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 1
    await rm(file)
    await writeFile(file, bytes)
    const result = await runToEnd()
    expect(result.failure?.code).toBe('CHECKPOINT_CORRUPT')
    expect(result.failure?.message).toContain(file)
    expect(result.failure?.message).toContain(`--from-checkpoint ${ids.at(-2)}`)
  })

  it('--fresh starts over and keeps the old checkpoints aside', async () => {
    await someCheckpoints()
    await rm(target, { recursive: true })
    expect((await runToEnd({}, { fresh: true })).state).toBe('finished')
    expect(await fault()).toBeUndefined()
    const aside = (await readdir(join(dataDir, 'ledger'))).find((name) => name.startsWith('aside-'))
    expect((await readdir(join(dataDir, 'ledger', aside ?? '', 'checkpoints'))).length).toBeGreaterThan(0)
  })

  it('a node renamed or gone is refused with what to do, and mapped', async () => {
    await someCheckpoints()
    const refused = await runToEnd({ sums: 'totals' })
    expect(refused.failure).toMatchObject({ code: 'RESTORE_NODE_MISSING' })
    expect((await runToEnd({ sums: 'totals' }, { map: { sums: 'totals' } })).state).toBe('finished')
    expect(await fault()).toBeUndefined()
  })

  it('a savepoint made while the job runs starts it elsewhere', async () => {
    // What is complete and not applied yet is applied by the run that made it alone: it is waited for.
    const part = 600
    const { running } = start({ mayRead: (read) => read < part }, { checkpoint: { intervalMs: 5, retain: 1 } })
    await expect.poll(async () => (await readTarget(target)).length).toBe(part)
    await mkdir(join(folder, 'backup'))
    const savepoint = await createSavepoint(dataDir, 'ledger', { path: join(folder, 'backup', 's') })
    await running.cancel()
    const { manifest } = await inspectCheckpoint(dataDir, 'ledger', savepoint)
    await rm(dataDir, { recursive: true })
    const { running: again, events } = start({}, { fromSavepoint: savepoint })
    expect(await again.result).toMatchObject({ state: 'finished', failure: undefined })
    expect(events.find((event) => event.type === 'restored')).toMatchObject({
      checkpoint: manifest.id,
      folder: savepoint,
    })
    expect(await fault()).toBeUndefined()
  })
})
