// The random commands of the model test.

import fc from 'fast-check'
import type { Key } from '../../../src/util/key-group.ts'

/** Of all types, some alike in one way or another. */
export const KEYS: readonly Key[] = [
  0,
  1,
  -0.5,
  7n,
  'a',
  'b',
  '',
  '\0',
  '\ud800',
  true,
  ['a', 1],
  [['x'], 2n],
  'key-with-a-longer-name',
  1e300,
]

const key = fc.nat(100)
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 200 }),
  fc.constantFrom(null, -0, 5n, false, new Date(5), [1, undefined, 'x'], { a: undefined, b: new Map([[1, 2]]) }),
)
const userKey = fc.constantFrom(-1, 1, 1.5, '1', 'ä', '\ud800')
const time = fc.oneof(fc.integer({ min: -1, max: 2 }), fc.integer({ min: 0, max: 12 }))
const event = fc.boolean()

const write = fc.oneof(
  fc.record({ op: fc.constant('value.set' as const), value }),
  fc.record({ op: fc.constant('value.clear' as const) }),
  fc.record({ op: fc.constant('list.add' as const), value }),
  fc.record({ op: fc.constant('list.set' as const), values: fc.array(value, { maxLength: 3 }) }),
  fc.record({ op: fc.constant('list.clear' as const) }),
  fc.record({ op: fc.constant('map.set' as const), userKey, value }),
  fc.record({ op: fc.constant('map.delete' as const), userKey }),
  fc.record({ op: fc.constant('map.clear' as const) }),
  // Enough to grow beyond what is kept small, and to shrink back.
  fc.record({ op: fc.constant('map.fill' as const), from: fc.integer({ min: 0, max: 40 }), count: fc.nat(80), value }),
  fc.record({ op: fc.constant('map.keep' as const), count: fc.nat(20) }),
  fc.record({ op: fc.constant('reduce' as const), by: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ op: fc.constant('reduce.clear' as const) }),
  fc.record({ op: fc.constant('aggregate' as const), by: fc.integer({ min: -5, max: 5 }) }),
  fc.record({ op: fc.constant('mutate' as const), by: fc.integer() }),
  fc.record({ op: fc.constant('timer.set' as const), time, event: fc.boolean() }),
  fc.record({ op: fc.constant('timer.delete' as const), time, event: fc.boolean() }),
)

const timerWrite = fc.record({ op: fc.constantFrom('timer.set', 'timer.set', 'timer.delete'), time, event })

const batch = fc.record({
  kind: fc.constant('batch' as const),
  writes: fc.array(fc.tuple(key, write), { minLength: 1, maxLength: 8 }),
  ahead: fc.array(key, { maxLength: 4 }),
})

const timerBatch = fc.record({
  kind: fc.constant('batch' as const),
  writes: fc.array(fc.tuple(key, timerWrite), { minLength: 1, maxLength: 20 }),
  ahead: fc.constant([]),
})

const fire = fc.record({ kind: fc.constant('fire' as const), upTo: time, limit: fc.integer({ min: 1, max: 3 }), event })

const ofSnapshots = [
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('freeze' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('encode' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), wait: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abandon' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restore' as const), parallelism: fc.constantFrom(1, 2, 3, 8) }),
  },
] as const

/** One command to the backend and the model. */
export const step = fc.oneof({ weight: 10, arbitrary: batch }, { weight: 2, arbitrary: fire }, ...ofSnapshots)

/** One that has to do with timers. */
export const timerStep = fc.oneof({ weight: 10, arbitrary: timerBatch }, { weight: 4, arbitrary: fire }, ...ofSnapshots)

/** One change of one key's state. */
export type Write = typeof write extends fc.Arbitrary<infer T> ? T : never
