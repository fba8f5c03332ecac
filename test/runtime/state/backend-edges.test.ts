import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import type { MapState, StateOptions, ValueState } from '../../../src/contract/state.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { deferred } from '../../../src/util/deferred.ts'
import type { Key } from '../../../src/util/key-group.ts'
import { checkpoint, makeBackend, type Restorable, scratchFolder } from './support.ts'

const scratch = scratchFolder()
let folders = 0

function folder(): string {
  const path = join(scratch, `edges-${++folders}`)
  mkdirSync(path)
  return path
}

type BackendOptions = Parameters<typeof makeBackend>[1]

async function openBackend(options: BackendOptions = {}, restore: readonly Restorable[] = []): Promise<KeyedBackend> {
  const backend = makeBackend(scratch, options)
  await backend.open(restore)
  return backend
}

function declareValue<T = number>(backend: KeyedBackend, options: StateOptions<unknown> = {}): ValueState<T> {
  return backend.register({ name: 'v', kind: 'value', options }) as ValueState<T>
}

const codeOf = (code: string) => expect.objectContaining({ code })

describe('keys', () => {
  test('that cannot be keys are refused with the node named', async () => {
    const backend = await openBackend()
    for (const key of [Number.NaN, undefined, null, {}, [1, Number.NaN]] as unknown as Key[]) {
      expect(() => backend.setCurrentKey(key)).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID', details: expect.objectContaining({ node: 'totals' }) }),
      )
    }
    await backend.close()
  })

  test('that are only looked at cost nothing', async () => {
    const backend = await openBackend()
    const value = declareValue(backend)
    for (let key = 0; key < 1000; key++) {
      backend.setCurrentKey(key)
      expect(value.get()).toBeUndefined()
    }
    expect(backend.residentBytes).toBe(0)
    await backend.close()
  })

  test('whose state is cleared leave the heap and the database', async () => {
    const backend = await openBackend()
    const value = declareValue(backend)
    for (let key = 0; key < 1000; key++) {
      backend.setCurrentKey(key)
      value.set(1)
      backend.timers.registerEventTimeTimer(key)
    }
    await checkpoint(backend, folder())
    for (let key = 0; key < 1000; key++) {
      backend.setCurrentKey(key)
      value.clear()
      backend.timers.deleteEventTimeTimer(key)
    }
    backend.setCurrentKey('elsewhere')
    const restore = await checkpoint(backend, folder())
    expect(backend.residentBytes).toBe(0)
    await backend.close()
    const restored = await openBackend({ loadAll: true }, [restore])
    expect(restored.nextTimer('event')).toBeUndefined()
    await restored.close()
  })
})

describe('prefetch', () => {
  test('answers nothing when nothing was ever evicted, and when all is resident', async () => {
    const backend = await openBackend({ cacheBytes: 10_000 })
    const value = declareValue(backend)
    expect(backend.prefetch([1, 2, 3])).toBeUndefined()
    for (let key = 0; key < 500; key++) {
      await backend.prefetch([key])
      backend.setCurrentKey(key)
      value.set(key)
    }
    await backend.prefetch([1, 2, 3])
    expect(backend.prefetch([1, 2, 3])).toBeUndefined()
    for (const key of [1, 2, 3]) {
      backend.setCurrentKey(key)
      expect(value.get()).toBe(key)
    }
    await backend.close()
  })

  test('keeps the cache near its limit, also for values that grow in place', async () => {
    const limit = 2_000_000
    const backend = await openBackend({ cacheBytes: limit })
    const value = declareValue<{ lines: string[] }>(backend)
    for (let round = 0; round < 40; round++) {
      for (let from = 0; from < 1000; from += 50) {
        const keys = Array.from({ length: 50 }, (_, i) => from + i)
        await backend.prefetch(keys)
        for (const key of keys) {
          backend.setCurrentKey(key)
          const read = value.get() ?? { lines: [] }
          read.lines.push('x'.repeat(200))
          value.set(read)
        }
      }
      expect(backend.residentBytes).toBeLessThan(limit * 1.5)
    }
    await backend.prefetch([17])
    backend.setCurrentKey(17)
    expect(value.get()?.lines.length).toBe(40)
    await backend.close()
  })

  test('does not wait for ever while a snapshot hangs between encoding and finish', async () => {
    const backend = await openBackend({ cacheBytes: 0 })
    const value = declareValue(backend)
    const snapshot = backend.freeze()
    for (let key = 0; key < 2000; key++) {
      await backend.prefetch([key])
      backend.setCurrentKey(key)
      value.set(key)
    }
    while (!snapshot.encodeSlice(1));
    await snapshot.finish(folder(), 'state')
    await backend.prefetch([0, 1999])
    backend.setCurrentKey(0)
    expect(value.get()).toBe(0)
    expect(backend.residentBytes).toBeLessThan(10_000)
    await backend.close()
  })

  test('ahead is used by the prefetch that follows', async () => {
    const backend = await openBackend({ cacheBytes: 0 })
    const value = declareValue(backend)
    for (let key = 0; key < 100; key++) {
      await backend.prefetch([key])
      backend.setCurrentKey(key)
      value.set(key)
    }
    await backend.prefetch(['other'])
    backend.prefetchAhead(batchOf([1, 2], undefined, [1, 2]))
    await backend.prefetch([1, 2])
    for (const key of [1, 2]) {
      backend.setCurrentKey(key)
      expect(value.get()).toBe(key)
    }
    await backend.close()
  })
})

test('after a restore new keys soon cost no reads', async () => {
  const first = await openBackend()
  const value = declareValue(first)
  for (let key = 0; key < 1000; key++) {
    first.setCurrentKey(key)
    value.set(key)
  }
  const restore = await checkpoint(first, folder())
  await first.close()
  const second = await openBackend({}, [restore])
  const again = declareValue(second)
  let key = 1000
  // Each key is new: when the filter knows that, there is nothing to wait for.
  while (second.prefetch([++key]) !== undefined) await new Promise((resolve) => setTimeout(resolve, 1))
  second.setCurrentKey(key)
  expect(again.get()).toBeUndefined()
  await second.prefetch([7, key])
  second.setCurrentKey(7)
  expect(again.get()).toBe(7)
  await second.close()
})

test('reads ahead are waited for, also when the restored database turns out to be empty meanwhile', async () => {
  const first = await openBackend()
  const restore = await checkpoint(first, folder())
  await first.close()
  for (let round = 0; round < 20; round++) {
    const backend = await openBackend({}, [restore])
    const value = declareValue(backend)
    const keys = Array.from({ length: 50 * round + 1 }, (_, key) => key)
    backend.prefetchAhead(batchOf(keys, undefined, keys))
    for (let turn = 0; turn < round; turn++) await new Promise((resolve) => setImmediate(resolve))
    await backend.prefetch(keys)
    for (const key of keys) {
      backend.setCurrentKey(key)
      expect(value.get()).toBeUndefined()
    }
    await backend.close()
  }
})

test('a backend that loads all at open never waits', async () => {
  const first = await openBackend()
  const seen = first.register({ name: 'seen', kind: 'map', options: {} }) as MapState<string, number>
  for (let key = 0; key < 100; key++) {
    first.setCurrentKey(key)
    seen.set('x', key)
  }
  const restore = await checkpoint(first, folder())
  await first.close()
  const second = await openBackend({ loadAll: true }, [restore])
  const again = second.register({ name: 'seen', kind: 'map', options: {} }) as MapState<string, number>
  for (let key = 0; key < 101; key++) {
    second.setCurrentKey(key)
    expect(again.get('x')).toBe(key === 100 ? undefined : key)
  }
  await second.close()
})

describe('codecs of the user', () => {
  const broken = {
    name: 'broken',
    version: 1,
    encode: (value: unknown) => {
      if (value === 'unwritable') throw new Error('no way')
      return Buffer.from(String(value))
    },
    decode: (bytes: Uint8Array) => {
      if (Buffer.from(bytes).toString() === 'unreadable') throw new Error('no way back')
      return Buffer.from(bytes).toString()
    },
  }

  test('that fail are told with node, state and key; the snapshot can be given up and what is written again counts', async () => {
    const backend = await openBackend()
    const value = declareValue<string>(backend, { codec: broken })
    backend.setCurrentKey('fine')
    value.set('kept')
    backend.setCurrentKey('bad')
    value.set('unwritable')
    backend.setCurrentKey('elsewhere')
    const snapshot = backend.freeze()
    expect(() => snapshot.encodeSlice(100)).toThrow(
      expect.objectContaining({
        code: 'STATE_CODEC',
        message: 'State "v" of node "totals" could not be written for key "bad": no way',
      }),
    )
    snapshot.abandon()
    backend.setCurrentKey('bad')
    value.set('unreadable')
    const restore = await checkpoint(backend, folder())
    await backend.close()
    const restored = await openBackend({}, [restore])
    const again = declareValue<string>(restored, { codec: broken })
    await restored.prefetch(['fine'])
    restored.setCurrentKey('fine')
    expect(again.get()).toBe('kept')
    await expect(restored.prefetch(['bad'])).rejects.toThrow(codeOf('STATE_CODEC'))
    await restored.close()
  })
})

describe('restoring', () => {
  test('with another number of key groups is refused', async () => {
    const backend = await openBackend()
    const restore = await checkpoint(backend, folder())
    await backend.close()
    const other = makeBackend(scratch, { keyGroups: 32 })
    await expect(other.open([restore])).rejects.toThrow(codeOf('RESTORE_KEY_GROUPS'))
    await other.close()
  })

  test('from parts that leave a gap or overlap is refused', async () => {
    const half = await openBackend({ range: { start: 0, end: 8 } })
    const restore = await checkpoint(half, folder())
    await half.close()
    for (const parts of [[restore], [restore, restore]]) {
      const backend = makeBackend(scratch)
      await expect(backend.open(parts)).rejects.toThrow(/key group \d+ is in [02] of them/)
      await backend.close()
    }
  })

  test('leaves no temporary folders', async () => {
    const backend = await openBackend()
    const restore = await checkpoint(backend, folder())
    await backend.close()
    const workFolder = join(scratch, 'a-work-folder')
    const part = await openBackend({ range: { start: 2, end: 5 }, workFolder }, [restore])
    expect(existsSync(`${workFolder}.source-0`)).toBe(false)
    await part.close()
  })
})

describe('closing', () => {
  test('waits for what is under way and may be repeated', async () => {
    const backend = await openBackend({ cacheBytes: 0 })
    const value = declareValue(backend)
    for (let key = 0; key < 300; key++) {
      await backend.prefetch([key])
      backend.setCurrentKey(key)
      value.set(key)
    }
    const snapshot = backend.freeze()
    while (!snapshot.encodeSlice(1));
    const finishing = snapshot.finish(folder(), 'state')
    const done = deferred()
    finishing.catch(() => undefined).finally(() => done.resolve())
    backend.prefetchAhead(batchOf([1], undefined, [1]))
    await Promise.all([backend.close(), done.promise])
    await backend.close()
    await expect(backend.prefetch([1])).rejects.toThrow(codeOf('INVARIANT'))
  })

  test('while it opens leaves the folder to the next one', async () => {
    const workFolder = join(scratch, 'shared-work-folder')
    for (let attempt = 0; attempt < 3; attempt++) {
      const backend = makeBackend(scratch, { workFolder })
      const opening = backend.open([])
      await backend.close()
      await opening
    }
  })

  test('also before open, and after an open that failed', async () => {
    const never = makeBackend(scratch)
    await never.close()
    const failed = makeBackend(scratch)
    const handle = {
      folder: 'nowhere',
      files: [{ name: 'CURRENT', bytes: 1, crc: 1 }],
      keyGroups: { start: 0, end: 16 },
      states: [],
    }
    await expect(failed.open([{ folder: scratch, handle }])).rejects.toThrow(codeOf('STATE_BACKEND'))
    await failed.close()
  })
})

test('a snapshot given up while it is being finished loses nothing', async () => {
  const backend = await openBackend()
  const value = declareValue(backend)
  for (let key = 0; key < 20_000; key++) {
    backend.setCurrentKey(key)
    value.set(key)
  }
  const snapshot = backend.freeze()
  while (!snapshot.encodeSlice(1));
  const finishing = snapshot.finish(folder(), 'state')
  snapshot.abandon()
  await expect(finishing).rejects.toThrow(codeOf('CHECKPOINT_FAILED'))
  const restore = await checkpoint(backend, folder())
  await backend.close()
  const restored = await openBackend({}, [restore])
  const again = declareValue(restored)
  const keys = Array.from({ length: 20_000 }, (_, key) => key)
  await restored.prefetch(keys)
  for (const key of keys) {
    restored.setCurrentKey(key)
    expect(again.get()).toBe(key)
  }
  await restored.close()
})
