// State of one key at a time: of each kind, and nothing of it for the next key.

import { expect, test } from 'vitest'
import { openOneKeyBackend } from '../../../runtime/state/open-one-key-backend.ts'
import type { ListState, MapState, StateKind, ValueState } from '../../../src/contract/state.ts'

const open = () => openOneKeyBackend({ node: 'sums', now: () => 0 })

test('each kind of state begins empty for each key, and is charged for while the key is at hand', async () => {
  const backend = open()
  await backend.open([])
  const register = (name: string, kind: StateKind, more: object = {}) =>
    backend.register({ name, kind, options: {}, ...more }) as unknown
  const value = register('value', 'value') as ValueState<string>
  const list = register('list', 'list', { options: { ttl: { ttlMs: 1000 } } }) as ListState<number>
  const map = register('map', 'map') as MapState<string, number>
  const sum = register('sum', 'reducing', { reduce: (a: number, b: number) => a + b }) as ListState<number>
  for (const key of ['a', 1, ['b', 2n], -0]) {
    backend.begin(key)
    backend.setCurrentKey(key)
    expect([value.get(), list.get(), map.size, sum.get()]).toEqual([undefined, [], 0, undefined])
    for (let n = 0; n < 100; n += 1) {
      value.set('some text'.repeat(n))
      list.add(n)
      map.set(`entry ${n % 10}`, n)
      sum.add(n)
    }
    backend.timers.registerEventTimeTimer(5)
    expect([value.get()?.length, list.get().length, map.size, sum.get()]).toEqual([891, 100, 10, 4950])
    expect(backend.residentBytes).toBeGreaterThan(900)
    backend.end()
    expect([backend.residentBytes, backend.timers.size]).toEqual([0, 0])
  }
  await backend.close()
})

test('a state is declared once, and no other key than the one at hand is set', () => {
  const backend = open()
  backend.register({ name: 'sum', kind: 'value', options: {} })
  const again = () => backend.register({ name: 'sum', kind: 'list', options: {} })
  expect(again).toThrow(expect.objectContaining({ code: 'STATE_DUPLICATE' }))
  backend.begin('a')
  expect(() => backend.setCurrentKey('b')).toThrow('the key at hand alone')
})
