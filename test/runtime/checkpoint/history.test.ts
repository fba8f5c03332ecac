import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CheckpointHistory, finishMoving, moveAside } from '../../../runtime/checkpoint/history.ts'
import { jobLayout } from '../../../runtime/checkpoint/layout.ts'
import { CheckpointStore } from '../../../runtime/checkpoint/store.ts'
import { MemoryFs } from './memory-fs.ts'
import { manifestOf, saveTo, verifying } from './samples.ts'

const LAYOUT = jobLayout('/data/shop')
const KEEP_ALL = { retain: 100, expireMs: undefined }

interface Opened {
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
}

async function open(fs: MemoryFs): Promise<Opened> {
  await finishMoving(fs, LAYOUT)
  const store = await CheckpointStore.open(fs, LAYOUT)
  const history = await CheckpointHistory.open(fs, LAYOUT, store, verifying(fs))
  return { store, history }
}

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

  it('a start from a savepoint is remembered, and lost state of one is told by its name', async () => {
    const { fs, history, store } = await withCheckpoints(3)
    await saveTo(fs, store.folderOf(2), '/backup/s2')
    await store.remove(2)
    const origin = await history.findAt('/backup/s2')
    expect(origin).toMatchObject({ id: 2, folder: '/backup/s2', rewind: true })
    await history.goBackTo(origin)
    const again = await open(fs)
    expect(await again.history.latest()).toMatchObject({ id: 2, folder: '/backup/s2', rewind: true })
    await fs.rename('/backup/s2', '/backup/elsewhere')
    await expect(again.history.latest()).rejects.toThrow('Checkpoint /backup/s2 of job "shop" is not there')
    await fs.rename('/backup/elsewhere', '/backup/s2')
    expect(await take(fs, again)).toBe(4)
    expect(await idsOf(again.history)).toEqual([4])
  })

  it('in an empty data directory a savepoint is no return, and ids continue above its own', async () => {
    const { fs, store } = await withCheckpoints(3)
    await saveTo(fs, store.folderOf(3), '/backup/s3')
    await fs.removeFolder('/data')
    const fresh = await open(fs)
    const origin = await fresh.history.findAt('/backup/s3')
    expect(origin).toMatchObject({ id: 3, rewind: false })
    await fresh.history.goBackTo(origin)
    expect(await take(fs, await open(fs))).toBe(4)
  })

  it('a folder that is a checkpoint of elsewhere is started from too; one that is none is refused', async () => {
    const { fs, history, store } = await withCheckpoints(3)
    await fs.rename(store.folderOf(1), '/data/away')
    expect(await history.findAt('/data/away')).toMatchObject({ id: 1, folder: '/data/away', rewind: true })
    fs.damage('/data/away/manifest.json', 'remove')
    await expect(history.findAt('/data/away')).rejects.toThrow('/data/away/manifest.json: it is not there')
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
