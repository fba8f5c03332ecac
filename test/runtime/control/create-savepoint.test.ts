// Savepoints of a job that keeps something of every kind, and what starts from them: elsewhere, at another parallelism, as other code.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSavepoint } from '../../../runtime/control/create-savepoint.ts'
import { run } from '../../../runtime/control/run.ts'
import type { Run } from '../../../runtime/control/run-types.ts'
import { inspectState, type NodeContents, queryState } from '../../../runtime/control/savepoint-tools.ts'
import { type RunHereOptions, type RunHereResult, runJobHere } from '../../../runtime/testing/test-job.ts'
import {
  type Emitted,
  type Gate,
  KEYS,
  type KeeperJobOptions,
  keeperJob,
  keptAfter,
  NEVER_MS,
} from '../../support/keeper-job.ts'
import { faultOf, ledgerJob, readTarget } from '../../support/ledger-job.ts'

const HALF = 300
const ALL = 600

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'savepoint-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Code = Partial<Omit<KeeperJobOptions, 'gate'>>

/** Counts the numbers that came out; those at the end of the input are something else. */
const numbersIn = (out: readonly Emitted[]): number[] =>
  out.flatMap((emitted) => ('number' in emitted ? [emitted.number] : [])).sort((a, b) => a - b)
const keptIn = (out: readonly Emitted[]): Emitted[] =>
  out.filter((emitted) => 'key' in emitted).sort((a, b) => ('key' in a && 'key' in b ? a.key - b.key : 0))

/** Runs the job until the first half has come out; it waits then. */
async function startHalf(
  code: Code,
  parallelism: number,
): Promise<{ readonly running: Run; readonly gate: Gate; readonly out: Emitted[] }> {
  const gate: Gate = { limit: HALF, ends: false }
  const out: Emitted[] = []
  const running = run(keeperJob({ gate, out, ...code }), {
    dataDir: join(folder, 'data'),
    parallelism,
    checkpoint: { intervalMs: 5 },
  })
  await new Promise<void>((resolve) => {
    running.events$.subscribe({ next: () => numbersIn(out).length >= HALF && resolve(), complete: resolve })
  })
  return { running, gate, out }
}

/** A savepoint after the first half, and what had come out by then. */
async function stoppedHalf(
  code: Code = {},
  parallelism = 2,
): Promise<{ readonly path: string; readonly out: Emitted[] }> {
  const { running, out } = await startHalf(code, parallelism)
  const path = join(folder, 'half.savepoint')
  expect(await createSavepoint(join(folder, 'data'), 'keeper', { stop: true, path })).toBe(path)
  expect(await running.result).toMatchObject({ state: 'stopped', failure: undefined })
  return { path, out }
}

/** Starts from a savepoint in a data directory of its own, and runs to the end of all. */
function goOn(path: string, code: Code, options: RunHereOptions = {}): Promise<RunHereResult> {
  const gate = { limit: ALL, ends: true }
  const job = keeperJob({ gate, out: [], ...code })
  return runJobHere(job, { dataDir: join(folder, 'new'), fromSavepoint: path, ...options })
}

describe('a start from a savepoint', () => {
  it.each([
    [1, 1],
    [1, 3],
    [2, 1],
    [2, 3],
    [3, 2],
    [3, 3],
  ])('taken at parallelism %i, goes on at %i as if nothing had been', async (before, after) => {
    const { path, out } = await stoppedHalf({}, before)
    expect(await goOn(path, { out }, { parallelism: after })).toMatchObject({ state: 'finished', failure: undefined })
    expect(numbersIn(out)).toEqual(Array.from({ length: ALL }, (_, i) => i))
    expect(keptIn(out)).toEqual(keptAfter(ALL))
  })

  it('with another number of key groups', async () => {
    const { path, out } = await stoppedHalf({ keyGroups: 128 }, 3)
    expect(await goOn(path, { out, keyGroups: 20 }, { parallelism: 3 })).toMatchObject({ state: 'finished' })
    expect(keptIn(out)).toEqual(keptAfter(ALL))
  })

  it('leads back to it when the first checkpoint does not come about', async () => {
    const { path, out } = await stoppedHalf()
    const fault = { failpoint: 'manifest.rename.before' } as const
    const result = await goOn(path, { out }, { fault, parallelism: 3 })
    expect(result).toMatchObject({ state: 'finished', attempts: 2, faultFired: true })
    const restored = result.events.filter((event) => event.type === 'restored')
    expect(restored.map((event) => event.folder)).toEqual([path, path])
    expect(keptIn(out)).toEqual(keptAfter(ALL))
  })

  it('keeps timers of both kinds, also those of which nothing fires', async () => {
    const { path } = await stoppedHalf({}, 3)
    const timersOf = async (place: string): Promise<unknown> => (await nodeIn(place, 'keeper'))?.state?.timers
    const both = { event: { count: KEYS, earliest: 10_000 }, processing: { count: KEYS, earliest: NEVER_MS } }
    expect(await timersOf(path)).toEqual(both)
    const gate = { limit: HALF, ends: false }
    const running = run(keeperJob({ gate, out: [] }), {
      dataDir: join(folder, 'new'),
      fromSavepoint: path,
      parallelism: 2,
    })
    await running.graph
    await new Promise<void>((resolve) => running.state$.subscribe((state) => state === 'running' && resolve()))
    const again = await createSavepoint(join(folder, 'new'), 'keeper')
    await running.cancel()
    expect(await timersOf(again)).toEqual(both)
  })
})

async function nodeIn(place: string, node: string): Promise<NodeContents | undefined> {
  const { nodes } = await inspectState({ dataDir: join(folder, 'data'), place })
  return nodes.find((each) => each.node === node)
}

describe('other code', () => {
  it('a node that was added starts with nothing, the others with what they had', async () => {
    const { path, out } = await stoppedHalf()
    expect(await goOn(path, { out, added: true }, { parallelism: 3 })).toMatchObject({ state: 'finished' })
    expect(keptIn(out)).toEqual(keptAfter(ALL))
    const seen = await queryState({ dataDir: join(folder, 'new'), place: 'keeper' }, { node: 'added', key: 5 })
    // The second half, and what the keeper said at the end.
    expect(seen.states).toMatchObject([{ name: 'seen', values: [{ value: (ALL - HALF) / KEYS + 1 }] }])
  })

  it('a node that is gone is named, and given up if that is wished', async () => {
    const { path, out } = await stoppedHalf()
    const refused = await goOn(path, { out, keeper: undefined })
    expect(refused).toMatchObject({ state: 'failed', attempts: 0, failure: { code: 'RESTORE_NODE_MISSING' } })
    expect(refused.failure?.message).toContain('node "keeper", which the job no longer has')
    const given = await goOn(path, { out, keeper: undefined }, { allowDroppedState: ['keeper'] })
    expect(given.state).toBe('finished')
    expect(numbersIn(out)).toHaveLength(ALL)
  })

  it('a node that was renamed takes over by the map', async () => {
    const { path, out } = await stoppedHalf()
    const refused = await goOn(path, { out, keeper: 'hoarder' })
    expect(refused).toMatchObject({ state: 'failed', failure: { code: 'RESTORE_NODE_MISSING' } })
    const mapped = await goOn(path, { out, keeper: 'hoarder' }, { map: { keeper: 'hoarder' }, parallelism: 3 })
    expect(mapped).toMatchObject({ state: 'finished' })
    expect(keptIn(out)).toEqual(keptAfter(ALL))
  })

  it('a state of another version is migrated, or refused by its name', async () => {
    const { path, out } = await stoppedHalf()
    const refused = await goOn(path, { out, version: 'unmigrated' })
    expect(refused).toMatchObject({ state: 'failed', failure: { code: 'STATE_INCOMPATIBLE' } })
    expect(refused.failure?.message).toContain('State "count" of node "keeper" was written as value state')
    expect(await goOn(path, { out, version: 2 }, { parallelism: 3, fresh: false })).toMatchObject({ state: 'finished' })
    expect(keptIn(out)).toEqual(keptAfter(ALL))
    const there = { dataDir: join(folder, 'new'), place: 'keeper' }
    const { states } = await queryState(there, { node: 'keeper', key: 5, state: 'count' })
    expect(states).toMatchObject([{ version: 2, values: [{ value: { n: ALL / KEYS } }] }])
  })
})

describe('a savepoint of a job that runs', () => {
  it('is of one moment of it, while records flow and the job goes on exactly', async () => {
    const { running, gate, out } = await startHalf({}, 2)
    gate.limit = ALL
    const path = await createSavepoint(join(folder, 'data'), 'keeper')
    gate.ends = true
    expect(await running.result).toMatchObject({ state: 'finished', attempts: 1 })
    expect(numbersIn(out)).toEqual(Array.from({ length: ALL }, (_, i) => i))
    expect(keptIn(out)).toEqual(keptAfter(ALL))
    expect(await readdir(join(folder, 'data', 'keeper', 'savepoints'))).toEqual([path.split('/').at(-1)])
    // Whatever the moment was: what is kept and what is still to be read add up to all.
    const other: Emitted[] = []
    expect(await goOn(path, { out: other }, { parallelism: 3 })).toMatchObject({ state: 'finished' })
    expect(keptIn(other)).toEqual(keptAfter(ALL))
  })

  it('answers for a key from its latest checkpoint, and leaves nothing behind', async () => {
    const { running } = await startHalf({}, 2)
    const place = { dataDir: join(folder, 'data'), place: 'keeper' }
    const found = await queryState(place, { node: 'keeper', key: 5 })
    expect(
      Object.fromEntries(found.states.map(({ name, values }) => [name, values.map(({ value }) => value)])),
    ).toEqual({
      count: [HALF / KEYS],
      last: [269, 281, 293],
      rests: [5, 5, 5, 5, 5],
      sum: [keptAfter(HALF)[5]?.sum],
      mortal: [HALF / KEYS],
    })
    expect(found.states.map(({ name, ttlMs }) => [name, ttlMs])).toContainEqual(['mortal', 3_600_000])
    expect(found.timers).toEqual([
      { domain: 'event', time: 10_000 },
      { domain: 'processing', time: NEVER_MS },
    ])
    expect((await queryState(place, { node: 'keeper', key: KEYS })).states).toEqual([])
    await expect(queryState(place, { node: 'out', key: 1 })).rejects.toThrow(
      /it keeps no keyed state; .* of keeper, numbers/,
    )
    await expect(queryState(place, { node: 'keeper', key: 1, state: 'x' })).rejects.toThrow(/there is no state "x"/)
    const { nodes, keyGroups } = await inspectState(place)
    expect(keyGroups).toBe(128)
    expect(nodes.find(({ node }) => node === 'numbers')?.splits).toHaveLength(3)
    expect((await running.stop()).state).toBe('stopped')
    expect(await readdir(join(folder, 'data', 'keeper', 'savepoints'))).toEqual([])
  })

  it('is refused where nothing was ever kept', async () => {
    const none = { dataDir: join(folder, 'data'), place: 'nobody' }
    await expect(inspectState(none)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' })
    await expect(createSavepoint(none.dataDir, 'nobody')).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' })
  })
})

it('a damaged savepoint is refused by name before anything is begun', async () => {
  const { path, out } = await stoppedHalf()
  const bytes = await readFile(path)
  const at = bytes.length >> 2
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
  const refused = await goOn(path, { out })
  expect(refused).toMatchObject({ state: 'failed', attempts: 0, failure: { code: 'SAVEPOINT_CORRUPT' } })
  expect(refused.failure?.message).toContain(path)
  await expect(inspectState({ dataDir: folder, place: path })).rejects.toMatchObject({ code: 'SAVEPOINT_CORRUPT' })
})

describe('a sink with a log of its own', () => {
  /** Killed, so to speak, when the checkpoint was complete and its epoch was not yet applied. */
  async function unapplied(): Promise<{ readonly path: string; readonly target: string }> {
    const target = join(folder, 'target')
    const onApply = (): never => {
      throw new Error('the target is away')
    }
    const failed = await runJobHere(ledgerJob({ target, records: 100, onApply }), {
      dataDir: join(folder, 'data'),
      restart: { strategy: 'none' },
    })
    expect(failed).toMatchObject({ state: 'failed', failure: { node: 'target' } })
    expect(await readTarget(target)).toEqual([])
    return { path: await createSavepoint(join(folder, 'data'), 'ledger'), target }
  }

  it('an epoch that only its data directory has is not lost elsewhere: that start is refused', async () => {
    const { path, target } = await unapplied()
    const job = ledgerJob({ target, records: 100 })
    const elsewhere = await runJobHere(job, {
      dataDir: join(folder, 'new'),
      fromSavepoint: path,
      restart: { strategy: 'none' },
    })
    expect(elsewhere).toMatchObject({ state: 'failed', failure: { code: 'LOG_CORRUPT' } })
    expect(await readTarget(target)).toEqual([])
  })

  it('once the job has run where it was, the savepoint starts anywhere', async () => {
    const { path, target } = await unapplied()
    const job = ledgerJob({ target, records: 100 })
    expect(await runJobHere(job, { dataDir: join(folder, 'data') })).toMatchObject({ state: 'finished' })
    expect(faultOf(await readTarget(target), 100)).toBeUndefined()
    const elsewhere = await runJobHere(job, { dataDir: join(folder, 'new'), fromSavepoint: path, parallelism: 3 })
    expect(elsewhere).toMatchObject({ state: 'finished', failure: undefined })
    expect(new Set((await readTarget(target)).map(({ value }) => value)).size).toBe(100)
  })
})
