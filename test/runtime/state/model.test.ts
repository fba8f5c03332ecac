// The backend against a plain model, over random commands: every state kind, small caches, freezes with changes while the
// snapshot is under way, snapshots given up at any stage, restores at the same and at other parallelisms.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { batchOf } from '../../../src/record/batch.ts'
import type { Key } from '../../../src/util/key-group.ts'
import { scratchFolder } from './support.ts'
import { StateModel, StateUnderTest } from './state-model.ts'

const scratch = scratchFolder()
let runs = 0

const KEYS: readonly Key[] = [0, 1, -0.5, 7n, 'a', 'b', '', '\0', '\ud800', true, ['a', 1], [['x'], 2n], 'key-with-a-longer-name', 1e300]

const key = fc.integer({ min: 0, max: KEYS.length - 1 })
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 200 }),
  fc.constantFrom(null, -0, 5n, false, new Date(5), [1, undefined, 'x'], { a: undefined, b: new Map([[1, 2]]) }),
)
const userKey = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('a', 'b', 'ä', '\ud800', 1.5, '1'))
const time = fc.integer({ min: -3, max: 6 })

const write = fc.oneof(
  fc.record({ op: fc.constant('value.set' as const), value }),
  fc.record({ op: fc.constant('value.clear' as const) }),
  fc.record({ op: fc.constant('list.add' as const), value }),
  fc.record({ op: fc.constant('list.set' as const), values: fc.array(value, { maxLength: 3 }) }),
  fc.record({ op: fc.constant('list.clear' as const) }),
  fc.record({ op: fc.constant('map.set' as const), userKey, value }),
  fc.record({ op: fc.constant('map.delete' as const), userKey }),
  fc.record({ op: fc.constant('map.clear' as const) }),
  fc.record({ op: fc.constant('reduce' as const), by: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ op: fc.constant('reduce.clear' as const) }),
  fc.record({ op: fc.constant('aggregate' as const), by: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ op: fc.constant('mutate' as const), by: fc.integer() }),
  fc.record({ op: fc.constant('timer.set' as const), time, event: fc.boolean() }),
  fc.record({ op: fc.constant('timer.delete' as const), time, event: fc.boolean() }),
)

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('batch' as const), writes: fc.array(fc.tuple(key, write), { minLength: 1, maxLength: 12 }), ahead: fc.array(key, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fire' as const), upTo: time, limit: fc.integer({ min: 1, max: 3 }), event: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('freeze' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('encode' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), wait: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abandon' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), parallelism: fc.constantFrom(1, 2, 3, 8) }) },
)

export type Write = typeof write extends fc.Arbitrary<infer T> ? T : never

test('a state backend does what a plain Map does, whatever is frozen, evicted, given up or restored', { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(Number.POSITIVE_INFINITY, 0, 1500, 4000),
      async (steps, cacheBytes) => {
        const folder = join(scratch, `run-${++runs}`)
        mkdirSync(folder)
        const state = await StateUnderTest.open(folder, { keys: KEYS, cacheBytes })
        try {
          for (const next of steps) {
            if (next.kind === 'batch') await state.batch(next.writes, next.ahead)
            else if (next.kind === 'fire') await state.fire(next)
            else if (next.kind === 'restore') await state.restore(next.parallelism)
            else if (next.kind === 'finish') await state.finish(next.wait)
            else state[next.kind]()
          }
          await state.compareAll()
        } finally {
          await state.close()
        }
      },
    ),
    { numRuns: Number(process.env.MODEL_RUNS ?? 150) },
  )
})

test('the model itself tells different states apart', () => {
  const a = new StateModel()
  const b = new StateModel()
  a.of('k').list.push(1)
  expect(a.snapshot()).not.toEqual(b.snapshot())
  expect(batchOf([1]).values).toEqual([1])
})
