// What breaks if any single write, rename or sync fails, or the power is cut in the middle of it?

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CheckpointHistory } from '../../../runtime/checkpoint/history.ts'
import { jobLayout } from '../../../runtime/checkpoint/layout.ts'
import { CheckpointStore, PersistOutcomeUnknown, type Retention } from '../../../runtime/checkpoint/store.ts'
import { type Fault, MemoryFs } from './memory-fs.ts'
import { manifestOf } from './samples.ts'

const LAYOUT = jobLayout('/data/shop')
const RETENTION: Retention = { retain: 2, expireMs: undefined }
const intact = async (): Promise<undefined> => undefined

/** What a run got to know. */
interface Known {
  readonly given: number[]
  readonly complete: number[]
  /** Persisting failed in a way that only the disk can tell the outcome of. */
  unknown: number | undefined
}

/** Takes `count` checkpoints as the coordinator does, until something cannot go on. */
async function work(fs: MemoryFs, count: number): Promise<Known> {
  const known: Known = { given: [], complete: [], unknown: undefined }
  try {
    const store = await CheckpointStore.open(fs, LAYOUT)
    const history = await CheckpointHistory.open(fs, LAYOUT, store, intact)
    await store.removeOrphans(store.lastId + 1)
    for (let i = 0; i < count && known.unknown === undefined; i++) await one(fs, store, history, known)
  } catch {
    // Where the first call fails nothing is known.
  }
  return known
}

async function one(fs: MemoryFs, store: CheckpointStore, history: CheckpointHistory, known: Known): Promise<void> {
  let id: number | undefined
  try {
    const begun = await store.begin()
    id = begun.id
    known.given.push(id)
    await writeState(fs, join(begun.folder, 'sums-0'))
    await store.persist(manifestOf(id))
    known.complete.push(id)
    await history.tidy(RETENTION, 5000, id)
  } catch (error) {
    if (error instanceof PersistOutcomeUnknown) known.unknown = id
    else if (id !== undefined && known.complete.at(-1) !== id) await store.remove(id).catch(() => {})
  }
}

async function writeState(fs: MemoryFs, folder: string): Promise<void> {
  await fs.mkdir(folder)
  const file = await fs.create(join(folder, 'a.sst'))
  await file.write(Buffer.from('abc'))
  await file.sync()
  await fs.syncFolder(folder)
}

/** After the crash: what is restorable, and which id comes next. */
async function comeBack(
  fs: MemoryFs,
): Promise<{ latest: number | undefined; next: number; folders: readonly string[] }> {
  const store = await CheckpointStore.open(fs, LAYOUT)
  const history = await CheckpointHistory.open(fs, LAYOUT, store, async (folder) => {
    const state = await fs.read(join(folder, 'a.sst'))
    return state?.byteLength === 3 ? undefined : { file: 'a.sst', reason: 'it is not whole' }
  })
  await store.removeOrphans(store.lastId + 1)
  const latest = await history.latest()
  const folders = await fs.list(LAYOUT.checkpoints)
  return { latest: latest?.id, next: (await store.begin()).id, folders }
}

async function check(fault: Fault, keepUnsynced: boolean): Promise<boolean> {
  const fs = new MemoryFs()
  const before = await work(fs, 3)
  const start = fs.calls
  fs.fault = { ...fault, call: start + fault.call }
  const known = await work(fs, 3)
  const reached = fs.calls >= start + fault.call
  const doing = fs.log[start + fault.call - 1]
  fs.restart(keepUnsynced)
  const found = await comeBack(fs)
  const complete = [...before.complete, ...known.complete]
  const expected = [complete.at(-1), known.unknown]
  expect(expected, `${JSON.stringify(fault)} at ${doing}`).toContain(found.latest)
  expect(found.next).toBeGreaterThan(Math.max(...before.given, ...known.given))
  expect(found.folders.length).toBeLessThanOrEqual(RETENTION.retain + 2)
  return reached
}

describe('CheckpointStore', () => {
  it.each(['fail', 'crash'] as const)(
    'every single call that %ss leaves the previous checkpoint or the new one',
    async (kind) => {
      for (const keepUnsynced of [true, false]) {
        let call = 1
        while (await check({ call, kind }, keepUnsynced)) call += 1
        expect(call).toBeGreaterThan(40)
      }
    },
  )

  it('keeps what retention says, never deletes the latest, and expires', async () => {
    const fs = new MemoryFs()
    await work(fs, 5)
    expect(await fs.list(LAYOUT.checkpoints)).toEqual(['4', '5'])
    const store = await CheckpointStore.open(fs, LAYOUT)
    await store.prune({ retain: 9, expireMs: 100 }, 1_000_000)
    expect(await fs.list(LAYOUT.checkpoints)).toEqual(['5'])
  })

  it('an aborted checkpoint leaves nothing; what a slow task writes later is removed after the next one', async () => {
    const fs = new MemoryFs()
    const store = await CheckpointStore.open(fs, LAYOUT)
    const history = await CheckpointHistory.open(fs, LAYOUT, store, intact)
    const aborted = await store.begin()
    await writeState(fs, join(aborted.folder, 'sums-0'))
    await store.remove(aborted.id)
    expect(await fs.list(LAYOUT.checkpoints)).toEqual([])
    await writeState(fs, join(aborted.folder, 'sums-0'))
    const next = await store.begin()
    const underWay = await store.begin()
    await store.persist(manifestOf(next.id))
    await history.tidy(RETENTION, 0, next.id)
    expect(await fs.list(LAYOUT.checkpoints)).toEqual([String(next.id), String(underWay.id)])
  })

  it('ids go on growing when the sequence file or every folder is gone', async () => {
    const fs = new MemoryFs()
    await work(fs, 3)
    fs.damage(LAYOUT.sequence, 'remove')
    expect((await (await CheckpointStore.open(fs, LAYOUT)).begin()).id).toBe(4)
    await fs.removeFolder(LAYOUT.checkpoints)
    expect((await (await CheckpointStore.open(fs, LAYOUT)).begin()).id).toBe(5)
  })
})
