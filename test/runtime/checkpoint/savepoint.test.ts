// Savepoints written to a disk that fails, loses its power, or holds what an earlier process left.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { jobLayout } from '../../../runtime/checkpoint/layout.ts'
import { removeLeftovers } from '../../../runtime/checkpoint/savepoint.ts'
import { loadSavepoint, SavepointFile } from '../../../runtime/checkpoint/savepoint-file.ts'
import { CheckpointStore } from '../../../runtime/checkpoint/store.ts'
import type { MillraceError } from '../../../src/errors.ts'
import { MemoryFs } from './memory-fs.ts'
import { handleOf, manifestOf, saveTo, snapshotOf, taskOf } from './samples.ts'

const LAYOUT = jobLayout('/data/shop')
const TARGET = '/backup/s'

/** A disk with checkpoint 1, whose state is `abc`. */
async function withCheckpoint(): Promise<{ readonly fs: MemoryFs; readonly checkpoint: string }> {
  const fs = new MemoryFs()
  const store = await CheckpointStore.open(fs, LAYOUT)
  const { id, folder } = await store.begin()
  for (const name of ['sums-0', 'sums-1']) {
    await fs.mkdir(join(folder, name))
    const file = await fs.create(join(folder, name, 'a.sst'))
    await file.write(Buffer.from('abc'))
    await file.sync()
    await fs.syncFolder(join(folder, name))
  }
  const watermarks = { '': 12 }
  const sums = (subtask: number, start: number, end: number) =>
    taskOf(1, subtask, [
      snapshotOf('sums', subtask, {
        keyed: handleOf(`sums-${subtask}`, start, end),
        operator: Buffer.from([subtask]),
        watermarks,
      }),
    ])
  await store.persist(manifestOf(id, { tasks: [sums(0, 0, 64), sums(1, 64, 128)] }))
  return { fs, checkpoint: folder }
}

it('holds what the checkpoint held, with the state of all subtasks as one section', async () => {
  const { fs, checkpoint } = await withCheckpoint()
  await saveTo(fs, checkpoint, TARGET)
  expect(await fs.list(LAYOUT.savepoints)).toEqual([])
  expect(await fs.list('/backup')).toEqual(['s'])
  const { tasks, ...rest } = (await loadSavepoint(fs, TARGET)) ?? manifestOf(0)
  const { tasks: _tasks, ...expected } = manifestOf(1)
  expect(rest).toEqual(JSON.parse(JSON.stringify(expected)))
  const [first, second] = tasks.flatMap(({ nodes }) => nodes)
  const kept = { operator: expect.anything(), watermarks: { '': 12 } }
  expect(first).toMatchObject({ ...kept, keyed: { folder: 'sums', files: [], keyGroups: { start: 0, end: 128 } } })
  expect(second).toMatchObject(kept)
  expect(second?.keyed).toBeUndefined()
  expect([first?.operator?.[0], second?.operator?.[0]]).toEqual([0, 1])
  expect(first?.keyed?.section).toMatchObject({ keys: 1, keyGroups: 128, states: [{ name: 'sum', entries: 1 }] })
})

it('that was told to be there survives a power cut, with the folders that were made for it', async () => {
  const { fs, checkpoint } = await withCheckpoint()
  await saveTo(fs, checkpoint, '/backup/of/today/s')
  fs.restart(false)
  expect(await loadSavepoint(fs, '/backup/of/today/s')).toMatchObject({ id: 1 })
})

it('is refused where something is, and leaves no pins behind when the checkpoint is not whole', async () => {
  const { fs, checkpoint } = await withCheckpoint()
  await fs.mkdir('/backup/x')
  await expect(saveTo(fs, checkpoint, '/backup/x')).rejects.toThrow(/it is there already/)
  fs.damage(join(checkpoint, 'sums-1', 'a.sst'), 'remove')
  await expect(saveTo(fs, checkpoint, '/backup/y')).rejects.toThrow(/a\.sst/)
  expect(await fs.list(LAYOUT.savepoints)).toEqual([])
  expect(await fs.list('/backup')).toEqual(['x'])
})

it('of a damaged checkpoint is refused by the file’s own name, and leaves nothing', async () => {
  const { fs, checkpoint } = await withCheckpoint()
  await fs.mkdir('/backup')
  fs.damage(join(checkpoint, 'sums-0', 'a.sst'), 'cut')
  await expect(saveTo(fs, checkpoint, TARGET)).rejects.toThrow(
    /Checkpoint 1 is damaged: .*checkpoints\/1\/sums-0\/a\.sst: it is not whole/,
  )
  expect(await fs.list('/backup')).toEqual([])
})

it('is there whole or not at all, whichever call fails or loses the power; made again it comes right', async () => {
  const calm = await withCheckpoint()
  const first = calm.fs.calls
  await saveTo(calm.fs, calm.checkpoint, TARGET)
  const last = calm.fs.calls
  expect(last - first).toBeGreaterThan(15)
  const cases = ['fail', 'crash'].flatMap((kind) =>
    [true, false].map((keep) => ({ kind: kind as 'fail' | 'crash', keep })),
  )
  for (let call = first + 1; call <= last; call++) {
    for (const { kind, keep } of cases) {
      const { fs, checkpoint } = await withCheckpoint()
      fs.fault = { call, kind }
      await saveTo(fs, checkpoint, TARGET).catch(() => {})
      if (kind === 'crash') fs.restart(keep)
      fs.fault = undefined
      const found = await loadSavepoint(fs, TARGET).catch((error: MillraceError) => error)
      if (found !== undefined) expect(found, `call ${call} ${kind}`).toMatchObject({ job: 'shop', id: 1 })
      await removeLeftovers(fs, { savepoints: LAYOUT.savepoints, target: TARGET }, () => false)
      expect(await fs.list(LAYOUT.savepoints)).toEqual([])
      expect(await fs.list('/backup')).toEqual(found === undefined ? [] : ['s'])
      if (found === undefined) await saveTo(fs, checkpoint, TARGET)
      expect(await loadSavepoint(fs, TARGET)).toMatchObject({ id: 1 })
    }
  }
})

it('what a process that lives has begun is not taken away', async () => {
  const { fs } = await withCheckpoint()
  await fs.mkdir('/backup')
  for (const name of ['.pinned-77-5', '.pinned-78-5']) await fs.mkdir(join(LAYOUT.savepoints, name))
  await fs.create(join(LAYOUT.savepoints, '.9.savepoint.partial-78-5'))
  for (const name of ['.s.partial-77-1', '.s.partial-78-1', '.t.partial-78-1', 's'])
    await fs.create(join('/backup', name))
  await removeLeftovers(fs, { savepoints: LAYOUT.savepoints, target: TARGET }, (pid) => pid === 77)
  expect(await fs.list('/backup')).toEqual(['.s.partial-77-1', '.t.partial-78-1', 's'])
  expect(await fs.list(LAYOUT.savepoints)).toEqual(['.pinned-77-5'])
})

it('a name at which there is no file is no savepoint', async () => {
  const { fs } = await withCheckpoint()
  expect(await SavepointFile.open(fs, '/nowhere')).toBeUndefined()
  expect(await SavepointFile.open(fs, '/data')).toBeUndefined()
})
