import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CheckpointHistory, finishMoving, moveAside } from '../../../runtime/checkpoint/history.ts'
import { jobLayout } from '../../../runtime/checkpoint/layout.ts'
import { copyCheckpoint, removeLeftPins } from '../../../runtime/checkpoint/savepoint.ts'
import { CheckpointStore } from '../../../runtime/checkpoint/store.ts'
import type { VerifyState } from '../../../runtime/checkpoint/verify.ts'
import type { MillraceError } from '../../../src/errors.ts'
import { MemoryFs } from './memory-fs.ts'
import { manifestOf } from './samples.ts'

const LAYOUT = jobLayout('/data/shop')
const KEEP_ALL = { retain: 100, expireMs: undefined }

interface Opened {
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
}

const verifying =
  (fs: MemoryFs): VerifyState =>
  async (folder, handle) => {
    const name = handle.files[0]?.name ?? ''
    const state = await fs.read(join(folder, name))
    return state?.byteLength === 3 ? undefined : { file: join(folder, name), reason: 'it is not whole' }
  }

async function open(fs: MemoryFs): Promise<Opened> {
  await finishMoving(fs, LAYOUT)
  const store = await CheckpointStore.open(fs, LAYOUT)
  const history = await CheckpointHistory.open(fs, LAYOUT, store, verifying(fs))
  return { store, history }
}

/** What copyCheckpoint is to copy. */
const from = (fs: MemoryFs, store: CheckpointStore, id: number) => ({
  checkpoint: store.folderOf(id),
  pins: LAYOUT.savepoints,
  verify: verifying(fs),
})

async function take(fs: MemoryFs, opened: Opened): Promise<number> {
  const id = await complete(fs, opened)
  await opened.history.tidy(KEEP_ALL, 0, id)
  return id
}

/** As take(), but the process dies before it has tidied up. */
async function complete(fs: MemoryFs, { store }: Opened): Promise<number> {
  const { id, folder } = await store.begin()
  await fs.mkdir(join(folder, 'sums-0'))
  const file = await fs.create(join(folder, 'sums-0', 'a.sst'))
  await file.write(Buffer.from('abc'))
  await file.sync()
  await fs.syncFolder(join(folder, 'sums-0'))
  await store.persist(manifestOf(id))
  return id
}

async function withCheckpoints(count: number): Promise<{ fs: MemoryFs } & Opened> {
  const fs = new MemoryFs()
  const opened = await open(fs)
  for (let i = 0; i < count; i++) await take(fs, opened)
  return { fs, ...opened }
}

const idsOf = async (history: CheckpointHistory): Promise<number[]> => (await history.retained()).map(({ id }) => id)

describe('CheckpointHistory', () => {
  it('starts from nothing, from the latest, or from the one asked for', async () => {
    const empty = await withCheckpoints(0)
    expect(await empty.history.latest()).toBeUndefined()
    const { history } = await withCheckpoints(3)
    expect(await history.latest()).toMatchObject({ id: 3, rewind: false })
    expect(await history.find(3)).toMatchObject({ id: 3, rewind: false })
    expect(await history.find(1)).toMatchObject({ id: 1, rewind: true })
    await expect(history.find(9)).rejects.toThrow('Checkpoint 9 of job "shop" is not there. Retained: 1, 2, 3.')
  })

  it('I1: having gone back, every start leads there until a newer one is complete; ids go on growing', async () => {
    const { fs, history } = await withCheckpoints(4)
    await history.goBackTo(await history.find(2))
    const again = await open(fs)
    expect(await again.history.latest()).toMatchObject({ id: 2, rewind: true })
    expect(await take(fs, again)).toBe(5)
    expect(await again.history.latest()).toMatchObject({ id: 5, rewind: false })
    expect(await idsOf((await open(fs)).history)).toEqual([1, 2, 5])
  })

  it('I2: abandoned checkpoints are neither listed nor loaded, and on disk until a newer one is complete', async () => {
    const { fs, history } = await withCheckpoints(4)
    await history.goBackTo(await history.find(2))
    expect(await idsOf(history)).toEqual([1, 2])
    await expect(history.find(4)).rejects.toThrow(/Retained: 1, 2/)
    expect(await fs.list(LAYOUT.checkpoints)).toEqual(['1', '2', '3', '4'])
    await history.goBackTo(await history.find(1))
    expect(await (await open(fs)).history.latest()).toMatchObject({ id: 1, rewind: true })
  })

  it('I2: what one return abandoned stays abandoned when the next one begins above it', async () => {
    const { fs, history } = await withCheckpoints(4)
    await history.goBackTo(await history.find(1))
    const id = await complete(fs, await open(fs))
    const again = await open(fs)
    await again.history.goBackTo(await again.history.find(id))
    expect((await again.history.retained()).map((checkpoint) => checkpoint.id)).toEqual([1, id])
  })

  it('every call from going back to the next checkpoint may be the last: the next start leads to 2, or to what came after', async () => {
    for (const keepUnsynced of [true, false]) {
      for (let call = 1, reached = true; reached; call++) {
        const { fs, history, store } = await withCheckpoints(4)
        const origin = await history.find(2)
        const start = fs.calls
        fs.fault = { call: start + call, kind: 'crash' }
        let recorded = false
        let taken: number | undefined
        try {
          await history.goBackTo(origin)
          recorded = true
          taken = await take(fs, { history, store })
        } catch {
          // The power was cut.
        }
        reached = fs.calls >= start + call
        fs.restart(keepUnsynced)
        const found = await (await open(fs)).history.latest()
        const where = `call ${call}, recorded ${recorded}, taken ${taken}`
        if (taken !== undefined) expect(found, where).toMatchObject({ id: taken, rewind: false })
        else if (recorded) expect([2, 5], where).toContain(found?.id)
        else expect([2, 4], where).toContain(found?.id)
        if (found?.id === 2) expect(found.rewind).toBe(true)
      }
    }
  })

  it('names the damaged file and the next older intact checkpoint', async () => {
    const { fs, history, store } = await withCheckpoints(4)
    fs.damage(join(store.folderOf(3), 'manifest.json'), 'flip')
    fs.damage(join(store.folderOf(4), 'sums-0', 'a.sst'), 'cut')
    await expect(history.latest()).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' })
    await expect(history.latest()).rejects.toThrow(
      /checkpoints\/4\/sums-0\/a\.sst: it is not whole.*--from-checkpoint 2\./,
    )
    await expect(history.find(3)).rejects.toThrow(/checkpoints\/3\/manifest\.json: its checksum.*--from-checkpoint 2\./)
    fs.damage(join(store.folderOf(1), 'manifest.json'), 'cut')
    fs.damage(join(store.folderOf(2), 'sums-0', 'a.sst'), 'remove')
    await expect(history.latest()).rejects.toThrow(/--fresh starts over/)
  })

  it('a savepoint is whole in itself, and a start from it is remembered', async () => {
    const { fs, history, store } = await withCheckpoints(3)
    await copyCheckpoint(fs, from(fs, store, 2), '/backup/s2')
    expect(await fs.list(LAYOUT.savepoints)).toEqual([])
    await store.remove(2)
    const origin = await history.findFolder('/backup/s2')
    expect(origin).toMatchObject({ id: 2, folder: '/backup/s2', rewind: true })
    await history.goBackTo(origin)
    const again = await open(fs)
    expect(await again.history.latest()).toMatchObject({ id: 2, folder: '/backup/s2', rewind: true })
    expect(await take(fs, again)).toBe(4)
    expect(await idsOf(again.history)).toEqual([4])
  })

  it('in an empty data directory a savepoint is no return, and ids continue above its own', async () => {
    const { fs, store } = await withCheckpoints(3)
    await copyCheckpoint(fs, from(fs, store, 3), '/backup/s3')
    await fs.removeFolder('/data')
    const fresh = await open(fs)
    const origin = await fresh.history.findFolder('/backup/s3')
    expect(origin).toMatchObject({ id: 3, rewind: false })
    await fresh.history.goBackTo(origin)
    expect(await take(fs, await open(fs))).toBe(4)
  })

  it('refuses to overwrite a folder with a savepoint, and leaves no pins behind when copying fails', async () => {
    const { fs, store } = await withCheckpoints(1)
    await fs.mkdir('/backup/x')
    await expect(copyCheckpoint(fs, from(fs, store, 1), '/backup/x')).rejects.toThrow(/it is there already/)
    fs.damage(join(store.folderOf(1), 'sums-0', 'a.sst'), 'remove')
    await expect(copyCheckpoint(fs, from(fs, store, 1), '/backup/y')).rejects.toThrow(/a\.sst/)
    expect(await fs.list(LAYOUT.savepoints)).toEqual([])
  })

  it('a savepoint of a damaged checkpoint is refused by the file’s name, and leaves nothing', async () => {
    const { fs, store } = await withCheckpoints(1)
    fs.damage(join(store.folderOf(1), 'sums-0', 'a.sst'), 'cut')
    await expect(copyCheckpoint(fs, from(fs, store, 1), '/backup/y')).rejects.toThrow(
      /Checkpoint 1 is damaged: .*checkpoints\/1\/sums-0\/a\.sst: it is not whole/,
    )
    expect(await fs.list('/backup')).toEqual([])
  })

  it('a savepoint is there whole or not at all, whichever call the power is cut in; made again it comes right', async () => {
    const calm = await withCheckpoints(2)
    const first = calm.fs.calls
    await copyCheckpoint(calm.fs, from(calm.fs, calm.store, 2), '/backup/s')
    const last = calm.fs.calls
    for (let call = first + 1; call <= last; call++) {
      for (const keepUnsynced of [true, false]) {
        const { fs, store } = await withCheckpoints(2)
        fs.fault = { call, kind: 'crash' }
        await copyCheckpoint(fs, from(fs, store, 2), '/backup/s').catch(() => {})
        fs.restart(keepUnsynced)
        const again = await open(fs)
        const found = await again.history.findFolder('/backup/s').catch((error: MillraceError) => error.code)
        if (typeof found === 'string') expect(found).toBe('CHECKPOINT_NOT_FOUND')
        await removeLeftPins(fs, LAYOUT.savepoints, () => false)
        expect(await fs.list(LAYOUT.savepoints)).toEqual([])
        if (typeof found === 'string') await copyCheckpoint(fs, from(fs, again.store, 2), '/backup/s')
        expect(await again.history.findFolder('/backup/s')).toMatchObject({ id: 2 })
      }
    }
    expect(last - first).toBeGreaterThan(10)
  })
})

describe('moveAside', () => {
  it('keeps checkpoints and sink logs together aside, and ids go on growing', async () => {
    const { fs } = await withCheckpoints(2)
    await fs.mkdir(join(LAYOUT.sinks, 'out'))
    await moveAside(fs, LAYOUT, 'then')
    expect(await fs.list('/data/shop/aside-then')).toEqual(['checkpoints', 'sinks'])
    const { history, store } = await open(fs)
    expect(await history.latest()).toBeUndefined()
    expect((await store.begin()).id).toBe(3)
  })

  it('I3: whatever call a crash comes at, the next start finds all of it moved or none', async () => {
    for (const keepUnsynced of [true, false]) {
      for (let call = 1, reached = true; reached; call++) {
        const { fs } = await withCheckpoints(2)
        await fs.mkdir(join(LAYOUT.sinks, 'out'))
        await fs.syncFolder(LAYOUT.sinks)
        await fs.syncFolder(LAYOUT.root)
        const start = fs.calls
        fs.fault = { call: start + call, kind: 'crash' }
        await moveAside(fs, LAYOUT, 'then').catch(() => {})
        reached = fs.calls >= start + call
        fs.restart(keepUnsynced)
        const { history } = await open(fs)
        const moved = (await history.latest()) === undefined
        expect(await fs.exists(join(LAYOUT.sinks, 'out')), `call ${call}`).toBe(!moved)
        if (moved) expect(await fs.list('/data/shop/aside-then')).toEqual(['checkpoints', 'sinks'])
      }
    }
  })

  it('does nothing where there is nothing', async () => {
    const fs = new MemoryFs()
    await moveAside(fs, LAYOUT, 'then')
    expect(fs.calls).toBe(0)
  })
})
