// State to save and to restore: what a few keys keep, in every kind of state and both domains of timers, as plain data.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import type { ListState, MapState, ReducingState, StateDescriptor, ValueState } from '../../../src/contract/state.ts'
import { canonicalKey, type Key, keyGroupOf, keyGroupRange } from '../../../src/util/key-group.ts'
import { checkpoint, makeBackend, type Restorable } from './support.ts'

/** What is kept of one key. */
export interface Kept {
  readonly key: Key
  readonly value?: unknown
  readonly list?: readonly string[]
  readonly map?: ReadonlyMap<string | number, unknown>
  readonly sum?: number
  readonly mortal?: string
  readonly event?: readonly number[]
  readonly processing?: readonly number[]
}

const key: fc.Arbitrary<Key> = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.integer(),
  fc.double({ noNaN: true }).map((number) => number + 0),
  fc.bigInt(),
  fc.boolean(),
  fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.nat()), { maxLength: 3 }),
)
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const userKey = fc.oneof(fc.string({ maxLength: 4 }), fc.integer())
const value = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.integer(),
  fc.bigInt(),
  fc.record({ a: fc.nat(), b: fc.string() }),
)
const times = fc.uniqueArray(fc.integer({ min: -1000, max: 1e12 }), { minLength: 1, maxLength: 3 })
/** Small, or so large that its entries get rows of their own. */
const map = fc.oneof(
  fc
    .uniqueArray(fc.tuple(userKey, value), { selector: ([at]) => at, minLength: 1, maxLength: 4 })
    .map((all) => new Map(all)),
  fc
    .nat()
    .map(
      (n) => new Map(Array.from({ length: 100 }, (_, i): [string | number, unknown] => [i % 2 ? i : `k${i}`, n + i])),
    ),
)

export const keptArbitrary: fc.Arbitrary<readonly Kept[]> = fc.uniqueArray(
  fc.record({
    key,
    value: some(value),
    list: some(fc.array(fc.string({ maxLength: 4 }), { minLength: 1, maxLength: 3 })),
    map: some(map),
    sum: some(fc.integer()),
    mortal: some(fc.string({ maxLength: 4 })),
    event: some(times),
    processing: some(times),
  }) as fc.Arbitrary<Kept>,
  { selector: (kept) => canonicalKey(kept.key), maxLength: 30 },
)

/** A backend with its states. */
export interface KeptStates {
  readonly backend: KeyedBackend
  readonly value: ValueState<unknown>
  readonly list: ListState<string>
  readonly map: MapState<string | number, unknown>
  readonly sum: ReducingState<number>
  readonly mortal: ValueState<string>
}

export const LIVES_MS = 1000

/** `order`: in which states are declared is nothing that a savepoint may depend on. */
export function register(backend: KeyedBackend, order: 'one' | 'other' = 'one'): KeptStates {
  const descriptors: StateDescriptor[] = [
    { name: 'value', kind: 'value', options: {} },
    { name: 'list', kind: 'list', options: {} },
    { name: 'map', kind: 'map', options: {} },
    { name: 'sum', kind: 'reducing', options: {}, reduce: (a, b) => (a as number) + (b as number) },
    { name: 'mortal', kind: 'value', options: { ttl: { ttlMs: LIVES_MS } } },
  ]
  if (order === 'other') descriptors.reverse()
  const states = Object.fromEntries(descriptors.map((each) => [each.name, backend.register(each)]))
  return { backend, ...states } as unknown as KeptStates
}

/** Opens a backend for each subtask, from what is given. */
export async function openAll(
  scratch: string,
  options: { readonly parallelism: number; readonly keyGroups: number; readonly now?: () => number },
  from: readonly Restorable[] = [],
  order: 'one' | 'other' = 'one',
): Promise<KeptStates[]> {
  const { parallelism, keyGroups, now = () => 0 } = options
  const opened: KeptStates[] = []
  for (let subtask = 0; subtask < parallelism; subtask++) {
    const range = keyGroupRange(subtask, parallelism, keyGroups)
    const backend = makeBackend(scratch, { subtask, keyGroups, range, now })
    await backend.open(from)
    opened.push(register(backend, order))
  }
  return opened
}

export function ownerOf(states: readonly KeptStates[], key: Key, keyGroups: number): KeptStates {
  const group = keyGroupOf(key, keyGroups)
  const subtask = Math.floor((group * states.length) / keyGroups)
  return states[subtask] as KeptStates
}

/** Writes everything and takes a checkpoint in `helpings`, so that rows are written over and over. */
export async function save(
  scratch: string,
  all: readonly Kept[],
  options: {
    readonly parallelism: number
    readonly keyGroups: number
    readonly helpings?: number
    readonly order?: 'one' | 'other'
  },
): Promise<Restorable[]> {
  const { keyGroups, helpings = 1, order = 'one' } = options
  const states = await openAll(scratch, options, [], order)
  let restorables: Restorable[] = []
  for (let helping = 1; helping <= helpings; helping++) {
    for (const kept of helping % 2 === 0 ? all.toReversed() : all) {
      const owner = ownerOf(states, kept.key, keyGroups)
      await owner.backend.prefetch([kept.key])
      write(owner, kept)
    }
    const folder = join(scratch, `checkpoint-${++checkpoints}`)
    mkdirSync(folder)
    restorables = await Promise.all(states.map(({ backend }, i) => checkpoint(backend, folder, `part-${i}`)))
  }
  for (const { backend } of states) await backend.close()
  return restorables
}

let checkpoints = 0

function write({ backend, ...states }: KeptStates, kept: Kept): void {
  backend.setCurrentKey(kept.key)
  if (kept.value !== undefined) states.value.set(kept.value)
  if (kept.list !== undefined) states.list.set(kept.list)
  for (const [at, each] of kept.map ?? []) states.map.set(at, each)
  if (kept.sum !== undefined) {
    states.sum.clear()
    states.sum.add(kept.sum)
  }
  if (kept.mortal !== undefined) states.mortal.set(kept.mortal)
  for (const time of kept.event ?? []) backend.timers.registerEventTimeTimer(time)
  for (const time of kept.processing ?? []) backend.timers.registerProcessingTimeTimer(time)
}

/** Compares what the backends hold with the plain data; timers are taken out. */
export async function expectKept(
  states: readonly KeptStates[],
  all: readonly Kept[],
  keyGroups: number,
): Promise<void> {
  for (const kept of all) {
    const { backend, ...owner } = ownerOf(states, kept.key, keyGroups)
    await backend.prefetch([kept.key])
    backend.setCurrentKey(kept.key)
    expect(owner.value.get()).toEqual(kept.value)
    expect(owner.list.get()).toEqual(kept.list ?? [])
    expect(new Map(owner.map.entries())).toEqual(new Map(kept.map ?? []))
    expect(owner.sum.get()).toBe(kept.sum)
    expect(owner.mortal.get()).toBe(kept.mortal)
  }
  for (const domain of ['event', 'processing'] as const) {
    const fired = states.flatMap(({ backend }) => backend.takeDueTimers(domain, Number.MAX_SAFE_INTEGER, 1e6))
    const expected = all.flatMap((kept) => (kept[domain] ?? []).map((time) => `${time} ${canonicalKey(kept.key)}`))
    expect(fired.map(({ key: at, timestamp }) => `${timestamp} ${canonicalKey(at)}`).sort()).toEqual(expected.sort())
  }
}
