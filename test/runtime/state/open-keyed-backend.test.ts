import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { MapState, ValueState } from '../../../src/contract/state.ts'
import { checkpoint, makeBackend, scratchFolder } from './support.ts'

const scratch = scratchFolder()

function folder(name: string): string {
  const path = join(scratch, name)
  mkdirSync(path)
  return path
}

describe('a state backend', () => {
  test('keeps values by key and brings them back from a checkpoint', async () => {
    const backend = makeBackend(scratch)
    await backend.open([])
    const sum = backend.register({ name: 'sum', kind: 'value', options: {} }) as ValueState<number>
    const seen = backend.register({ name: 'seen', kind: 'map', options: {} }) as MapState<string, number>
    for (let i = 0; i < 1000; i++) {
      backend.setCurrentKey(`k${i % 10}`)
      sum.set((sum.get() ?? 0) + i)
      seen.set(`m${i % 3}`, i)
    }
    const restore = await checkpoint(backend, folder('first'))
    await backend.close()

    const restored = makeBackend(scratch)
    await restored.open([restore])
    const seen2 = restored.register({ name: 'seen', kind: 'map', options: {} }) as MapState<string, number>
    const sum2 = restored.register({ name: 'sum', kind: 'value', options: {} }) as ValueState<number>
    await restored.prefetch(['k1', 'k2', 'none'])
    restored.setCurrentKey('k1')
    expect(sum2.get()).toBe(100 + 10 * ((99 * 100) / 2))
    expect([...seen2.entries()]).toEqual([
      ['m0', 981],
      ['m1', 991],
      ['m2', 971],
    ])
    restored.setCurrentKey('none')
    expect(sum2.get()).toBeUndefined()
    await restored.close()
  })
})
