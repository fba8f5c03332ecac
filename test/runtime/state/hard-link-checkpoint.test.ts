// Checkpoints by hard links restore exactly, though the database goes on compacting and its folder goes on changing.

import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import { verifyStateFolder } from '../../../runtime/state/verify-state-folder.ts'
import type { ValueState } from '../../../src/contract/state.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { checkpoint, makeBackend, type Restorable, scratchFolder } from './support.ts'

const scratch = scratchFolder()
const KEYS = 3000
const FILLER = 'x'.repeat(3000)

let folders = 0

function folder(): string {
  const path = join(scratch, `links-${++folders}`)
  mkdirSync(path)
  return path
}

async function openBackend(
  restore: readonly Restorable[] = [],
): Promise<{ backend: KeyedBackend; state: ValueState<string> }> {
  const backend = makeBackend(scratch, { cacheBytes: 1 << 20 })
  await backend.open(restore)
  const state = backend.register({ name: 'blob', kind: 'value', options: {} }) as ValueState<string>
  return { backend, state }
}

async function readAll({ backend, state }: Awaited<ReturnType<typeof openBackend>>): Promise<Map<number, string>> {
  const all = new Map<number, string>()
  for (let from = 0; from < KEYS; from += 100) {
    const keys = Array.from({ length: 100 }, (_, i) => from + i)
    await backend.prefetch(keys)
    for (const key of keys) {
      backend.setCurrentKey(key)
      const value = state.get()
      if (value !== undefined) all.set(key, value.slice(0, 20).trim())
    }
  }
  return all
}

/** A checkpoint that has table files: RocksDB writes them in the background, when 8 MB are together. */
async function checkpointWithTables({ backend, state }: Awaited<ReturnType<typeof openBackend>>): Promise<Restorable> {
  for (let attempt = 0; attempt < 1000; attempt++) {
    for (let from = 0; from < KEYS; from += 100) {
      const keys = Array.from({ length: 100 }, (_, i) => from + i)
      await backend.prefetch(keys)
      for (const key of keys) {
        backend.setCurrentKey(key)
        state.set(FILLER)
      }
    }
    const taken = await checkpoint(backend, folder())
    if (taken.handle.files.some(({ name }) => name.endsWith('.sst'))) return taken
  }
  throw new Error('no table file was ever written')
}

describe('under flushes and compactions', () => {
  test('every checkpoint restores to what was at its barrier, also after later ones', async () => {
    const rng = seededRng(3)
    const live = await openBackend()
    const model = new Map<number, string>()
    const taken: { restore: Restorable; model: Map<number, string> }[] = []
    for (let round = 0; round < 8; round++) {
      for (let n = 0; n < 30; n++) {
        const keys = Array.from({ length: 100 }, () => rng.int(KEYS))
        await live.backend.prefetch(keys)
        for (const key of keys) {
          live.backend.setCurrentKey(key)
          live.state.set(`${round}.${n}`.padEnd(20) + FILLER)
          model.set(key, `${round}.${n}`)
        }
      }
      taken.push({ restore: await checkpoint(live.backend, folder()), model: new Map(model) })
    }
    await live.backend.close()
    for (const { restore, model: expected } of taken) {
      const names = restore.handle.files.map((file) => file.name)
      expect(readdirSync(join(restore.folder, restore.handle.folder)).sort()).toEqual(names.sort())
      expect(await verifyStateFolder(join(restore.folder, restore.handle.folder), restore.handle)).toBeUndefined()
      const restored = await openBackend([restore])
      expect(await readAll(restored)).toEqual(expected)
      await restored.backend.close()
    }
  })

  test('a restored database never writes into the files of its checkpoint', async () => {
    const live = await openBackend()
    for (let key = 0; key < 500; key++) {
      live.backend.setCurrentKey(key)
      live.state.set('before'.padEnd(20) + FILLER)
    }
    const restore = await checkpoint(live.backend, folder())
    await live.backend.close()
    const restored = await openBackend([restore])
    const keys = Array.from({ length: 500 }, (_, key) => key)
    for (let round = 0; round < 5; round++) {
      await restored.backend.prefetch(keys)
      for (const key of keys) {
        restored.backend.setCurrentKey(key)
        restored.state.set(`after ${round}`.padEnd(20) + FILLER)
      }
      await checkpoint(restored.backend, folder())
    }
    await restored.backend.close()
    expect(await verifyStateFolder(join(restore.folder, restore.handle.folder), restore.handle)).toBeUndefined()
    const again = await openBackend([restore])
    expect(new Set((await readAll(again)).values())).toEqual(new Set(['before']))
    await again.backend.close()
  })

  test('a checkpoint shares its table files with the one before', async () => {
    const live = await openBackend()
    const first = await checkpointWithTables(live)
    const second = await checkpoint(live.backend, folder())
    await live.backend.close()
    const path = ({ folder: parent, handle }: Restorable, name: string): string => join(parent, handle.folder, name)
    const tables = first.handle.files.filter((file) => file.name.endsWith('.sst'))
    const shared = tables.filter(({ name }) => second.handle.files.some((file) => file.name === name))
    expect(shared.length).toBeGreaterThan(0)
    for (const { name } of shared) expect(statSync(path(second, name)).ino).toBe(statSync(path(first, name)).ino)
  })
})

describe('a damaged checkpoint', () => {
  async function damaged(damage: (path: string, files: readonly string[]) => void): Promise<Restorable> {
    const live = await openBackend()
    const restore = await checkpointWithTables(live)
    await live.backend.close()
    const path = join(restore.folder, restore.handle.folder)
    damage(path, readdirSync(path))
    return restore
  }

  const table = (files: readonly string[]): string => files.find((name) => name.endsWith('.sst')) as string

  test('is told by the file and the reason: missing, cut, changed', async () => {
    const problem = ({ folder: parent, handle }: Restorable) => verifyStateFolder(join(parent, handle.folder), handle)
    const missing = await damaged((path, files) => rmSync(join(path, table(files))))
    expect(await problem(missing)).toEqual({ file: expect.stringMatching(/\.sst$/), reason: 'it is missing' })
    const cut = await damaged((path) => truncateSync(join(path, 'CURRENT'), 3))
    expect(await problem(cut)).toEqual({ file: 'CURRENT', reason: 'it has 3 bytes instead of 16' })
    const changed = await damaged((path) => writeFileSync(join(path, 'CURRENT'), 'MANIFEST-999999\n'))
    expect(await problem(changed)).toEqual({ file: 'CURRENT', reason: 'its content does not match its checksum' })
  })

  test('is refused with its path when opened: a file gone, a MANIFEST of another database', async () => {
    const gone = await damaged((path, files) => rmSync(join(path, table(files))))
    const other = await damaged((path, files) => {
      const manifest = files.find((name) => name.startsWith('MANIFEST')) as string
      copyFileSync(join(path, table(files)), join(path, manifest))
    })
    for (const restore of [gone, other]) {
      const backend = makeBackend(scratch)
      await expect(backend.open([restore])).rejects.toThrow(
        expect.objectContaining({ code: 'STATE_BACKEND', message: expect.stringContaining('millrace-state-') }),
      )
      await backend.close()
    }
  })
})
