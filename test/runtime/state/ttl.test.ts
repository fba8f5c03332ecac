import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import type {
  AggregatingState,
  ListState,
  MapState,
  ReducingState,
  TimeToLive,
  ValueState,
} from '../../../src/contract/state.ts'
import { checkpoint, makeBackend, scratchFolder } from './support.ts'

interface Mean {
  readonly sum: number
  readonly count: number
}

const scratch = scratchFolder()
let nowMs = 0
let folders = 0

beforeEach(() => {
  nowMs = 1000
})

async function openBackend(restore: Parameters<KeyedBackend['open']>[0] = []): Promise<KeyedBackend> {
  const backend = makeBackend(scratch, { now: () => nowMs })
  await backend.open(restore)
  return backend
}

function declare(backend: KeyedBackend, ttl: TimeToLive) {
  const options = { ttl }
  return {
    value: backend.register({ name: 'value', kind: 'value', options }) as ValueState<string>,
    list: backend.register({ name: 'list', kind: 'list', options }) as ListState<string>,
    map: backend.register({ name: 'map', kind: 'map', options }) as MapState<string, number>,
    reduced: backend.register({
      name: 'reduced',
      kind: 'reducing',
      options,
      reduce: (a, b) => (a as number) + (b as number),
    }) as ReducingState<number>,
    mean: backend.register({
      name: 'mean',
      kind: 'aggregating',
      options,
      aggregate: {
        create: () => ({ sum: 0, count: 0 }),
        add: (value, acc) => ({ sum: (acc as Mean).sum + (value as number), count: (acc as Mean).count + 1 }),
        result: (acc) => (acc as Mean).sum / (acc as Mean).count,
        merge: (a) => a,
      },
    }) as AggregatingState<number, number>,
  }
}

describe('time to live from the last write', () => {
  test('an expired value is never returned, and a write begins a new life', async () => {
    const backend = await openBackend()
    const { value, reduced, mean } = declare(backend, { ttlMs: 100 })
    backend.setCurrentKey('k')
    value.set('a')
    reduced.add(5)
    mean.add(4)
    nowMs += 99
    expect([value.get(), reduced.get(), mean.get()]).toEqual(['a', 5, 4])
    reduced.add(5)
    nowMs += 1
    expect([value.get(), reduced.get(), mean.get()]).toEqual([undefined, 10, undefined])
    mean.add(2)
    expect(mean.get()).toBe(2)
    await backend.close()
  })

  test('elements of a list and entries of a map end one by one', async () => {
    const backend = await openBackend()
    const { list, map } = declare(backend, { ttlMs: 100 })
    backend.setCurrentKey('k')
    list.add('early')
    map.set('early', 1)
    nowMs += 60
    list.add('late')
    map.set('late', 2)
    nowMs += 60
    expect(list.get()).toEqual(['late'])
    expect([map.size, map.has('early'), map.get('early'), [...map.entries()]]).toEqual([
      1,
      false,
      undefined,
      [['late', 2]],
    ])
    nowMs += 60
    expect([list.get(), map.size]).toEqual([[], 0])
    await backend.close()
  })

  test('lives go on across a restore, and what is over is not written', async () => {
    const backend = await openBackend()
    const states = declare(backend, { ttlMs: 100 })
    backend.setCurrentKey('k')
    states.value.set('a')
    states.list.add('early')
    states.map.set('early', 1)
    nowMs += 60
    states.list.add('late')
    states.map.set('late', 2)
    backend.setCurrentKey('other')
    states.value.set('b')
    const folder = join(scratch, `ttl-${++folders}`)
    mkdirSync(folder)
    const restore = await checkpoint(backend, folder)
    await backend.close()

    nowMs += 60
    const restored = await openBackend([restore])
    const again = declare(restored, { ttlMs: 100 })
    await restored.prefetch(['k', 'other'])
    restored.setCurrentKey('k')
    expect([again.value.get(), again.list.get(), [...again.map.entries()]]).toEqual([
      undefined,
      ['late'],
      [['late', 2]],
    ])
    restored.setCurrentKey('other')
    expect(again.value.get()).toBe('b')
    await restored.close()
  })
})

test('with refresh on read, reading begins a new life; also in the next checkpoint', async () => {
  const backend = await openBackend()
  const { value, list, map } = declare(backend, { ttlMs: 100, refresh: 'read' })
  backend.setCurrentKey('k')
  value.set('a')
  list.add('x')
  map.set('m', 1)
  map.set('unread', 1)
  const folder = join(scratch, `ttl-${++folders}`)
  mkdirSync(folder)
  await checkpoint(backend, folder, 'first')
  nowMs += 80
  backend.setCurrentKey('k')
  expect([value.get(), list.get(), map.get('m')]).toEqual(['a', ['x'], 1])
  nowMs += 80
  expect([value.get(), list.get(), [...map.entries()]]).toEqual(['a', ['x'], [['m', 1]]])
  const restore = await checkpoint(backend, folder, 'second')
  await backend.close()
  nowMs += 80
  const restored = await openBackend([restore])
  const again = declare(restored, { ttlMs: 100, refresh: 'read' })
  await restored.prefetch(['k'])
  restored.setCurrentKey('k')
  expect([again.value.get(), again.list.get(), again.map.size]).toEqual(['a', ['x'], 1])
  await restored.close()
})
