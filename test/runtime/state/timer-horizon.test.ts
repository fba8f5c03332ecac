// Many more timers than the heap may hold.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import { checkpoint, makeBackend, scratchFolder } from './support.ts'

const scratch = scratchFolder()
const TIMERS = 30_000
const CACHE_BYTES = 1 << 20

async function register(backend: KeyedBackend, timeOf: (key: number) => number): Promise<number> {
  let most = 0
  for (let from = 0; from < TIMERS; from += 500) {
    const keys = Array.from({ length: 500 }, (_, i) => from + i)
    await backend.prefetch(keys)
    for (const key of keys) {
      backend.setCurrentKey(key)
      backend.timers.registerEventTimeTimer(timeOf(key))
    }
    most = Math.max(most, backend.residentBytes)
  }
  return most
}

/** Fires all of them; answers which, in order, and the most heap they took. */
async function fireAll(backend: KeyedBackend): Promise<{ readonly times: number[]; keys: Set<unknown>; most: number }> {
  const fired = { times: [] as number[], keys: new Set<unknown>(), most: 0 }
  for (;;) {
    await backend.readDueTimers('event', Number.MAX_SAFE_INTEGER)
    const lot = backend.takeDueTimers('event', Number.MAX_SAFE_INTEGER, 512)
    if (lot.length === 0) return fired
    await backend.prefetch(lot.map(({ key }) => key))
    for (const { key, timestamp } of lot) {
      fired.times.push(timestamp)
      fired.keys.add(key)
    }
    fired.most = Math.max(fired.most, backend.residentBytes)
  }
}

test.each([
  ['at one instant', () => 7],
  ['each at its own, the latest first', (key: number) => TIMERS - key],
])('timers %s fire once, by time, from bounded memory', async (_what, timeOf) => {
  const backend = makeBackend(scratch, { cacheBytes: CACHE_BYTES })
  await backend.open([])
  const most = await register(backend, timeOf)
  const fired = await fireAll(backend)
  expect(fired.times).toEqual(fired.times.toSorted((a, b) => a - b))
  expect([fired.times.length, fired.keys.size, backend.nextTimer('event')]).toEqual([TIMERS, TIMERS, undefined])
  expect(Math.max(most, fired.most)).toBeLessThan(CACHE_BYTES * 1.5)
  await backend.close()
})

test('a restored backend has the earliest timers at hand and reads the others when their time comes', async () => {
  const folder = join(scratch, 'restored')
  mkdirSync(folder)
  const backend = makeBackend(scratch, { cacheBytes: CACHE_BYTES })
  await backend.open([])
  await register(backend, (key) => key + 1)
  const restore = await checkpoint(backend, folder)
  await backend.close()
  const restored = makeBackend(scratch, { cacheBytes: CACHE_BYTES })
  await restored.open([restore])
  expect(restored.nextTimer('event')).toBe(1)
  expect(restored.residentBytes).toBeLessThan(CACHE_BYTES / 2)
  expect((await fireAll(restored)).keys.size).toBe(TIMERS)
  await restored.close()
})
