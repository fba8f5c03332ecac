// What the property test compares the backend with: plain Maps, and a driver that runs both side by side.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { KeyedBackend, KeyedSnapshot } from '../../../runtime/state/keyed-backend.ts'
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from '../../../src/contract/state.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { canonicalKey, type Key, keyGroupOf, keyGroupRange, subtaskOfKeyGroup } from '../../../src/util/key-group.ts'
import type { Write } from './state-commands.ts'
import { makeBackend, type Restorable } from './support.ts'

const KEY_GROUPS = 16

interface KeyModel {
  value: unknown
  list: unknown[]
  map: Map<string | number, unknown>
  reduced: number | undefined
  aggregated: number[] | undefined
  /** A value that user code changes in place and sets again. */
  mutable: { numbers: number[] } | undefined
}

/** All state of a node as plain data. */
export class StateModel {
  readonly keys = new Map<string, KeyModel>()
  readonly timers = new Map<string, { readonly key: Key; readonly time: number; readonly event: boolean }>()

  of(key: Key): KeyModel {
    const name = canonicalKey(key)
    let model = this.keys.get(name)
    if (model === undefined) {
      model = {
        value: undefined,
        list: [],
        map: new Map(),
        reduced: undefined,
        aggregated: undefined,
        mutable: undefined,
      }
      this.keys.set(name, model)
    }
    return model
  }

  snapshot(): StateModel {
    const copy = new StateModel()
    for (const [name, model] of this.keys) copy.keys.set(name, structuredClone(model))
    for (const [id, timer] of this.timers) copy.timers.set(id, timer)
    return copy
  }
}

interface States {
  readonly backend: KeyedBackend
  readonly value: ValueState<unknown>
  readonly list: ListState<unknown>
  readonly map: MapState<string | number, unknown>
  readonly reduced: ReducingState<number>
  readonly aggregated: AggregatingState<number, string>
  readonly mutable: ValueState<{ numbers: number[] }>
}

interface PendingSnapshot {
  readonly parts: readonly { readonly snapshot: KeyedSnapshot }[]
  readonly model: StateModel
  finishing: Promise<Restorable[]> | undefined
}

export interface StateOptionsUnderTest {
  readonly keys: readonly Key[]
  readonly cacheBytes: number
  readonly parallelism: number
}

/** Runs the same commands on backends (one per subtask) and on the model. */
export class StateUnderTest {
  readonly #folder: string
  readonly #keys: readonly Key[]
  readonly #cacheBytes: number
  #subtasks: States[] = []
  #model = new StateModel()
  #pending: PendingSnapshot | undefined
  #complete: { readonly restorables: Restorable[]; readonly model: StateModel } = {
    restorables: [],
    model: new StateModel(),
  }
  #checkpoints = 0
  #opens = 0

  private constructor(folder: string, options: StateOptionsUnderTest) {
    this.#folder = folder
    this.#keys = options.keys
    this.#cacheBytes = options.cacheBytes
  }

  static async open(folder: string, options: StateOptionsUnderTest): Promise<StateUnderTest> {
    const state = new StateUnderTest(folder, options)
    await state.#openAll(options.parallelism, [])
    return state
  }

  async batch(writes: readonly (readonly [number, Write])[], ahead: readonly number[]): Promise<void> {
    for (const subtask of this.#subtasks) {
      const own = writes.filter(([key]) => this.#subtaskOf(this.#key(key)) === subtask)
      const keys = own.map(([key]) => this.#key(key))
      await subtask.backend.prefetch(keys)
      const next = ahead.map((index) => this.#key(index)).filter((key) => this.#subtaskOf(key) === subtask)
      subtask.backend.prefetchAhead(batchOf(next, undefined, next))
      for (const [key, write] of own) this.#write(subtask, this.#key(key), write)
    }
  }

  async fire(options: { readonly upTo: number; readonly limit: number; readonly event: boolean }): Promise<void> {
    const domain = options.event ? 'event' : 'processing'
    for (const subtask of this.#subtasks) {
      const due = [...this.#model.timers.values()].filter(
        (timer) =>
          timer.event === options.event && timer.time <= options.upTo && this.#subtaskOf(timer.key) === subtask,
      )
      await subtask.backend.readDueTimers(domain, options.upTo)
      const fired = subtask.backend.takeDueTimers(domain, options.upTo, options.limit)
      const expected = due.map((timer) => timer.time).sort((a, b) => a - b)
      // A lot may be smaller than asked for, but only empty if nothing is due.
      expect(Math.min(1, fired.length)).toBe(Math.min(1, expected.length))
      expect(fired.map((timer) => timer.timestamp)).toEqual(expected.slice(0, fired.length))
      for (const timer of fired) {
        expect(this.#model.timers.delete(timerId(timer.key, timer.timestamp, options.event))).toBe(true)
      }
      await subtask.backend.prefetch(fired.map((timer) => timer.key))
      for (const timer of fired) this.#compareKey(subtask, timer.key)
    }
  }

  /** Every timer, to the last. */
  async fireAll(): Promise<void> {
    for (const event of [true, false]) {
      const left = (): boolean => [...this.#model.timers.values()].some((timer) => timer.event === event)
      while (left()) await this.fire({ upTo: Number.MAX_SAFE_INTEGER, limit: 3, event })
      await this.fire({ upTo: Number.MAX_SAFE_INTEGER, limit: 3, event })
    }
  }

  freeze(): void {
    if (this.#pending !== undefined) return
    this.#pending = {
      parts: this.#subtasks.map(({ backend }) => ({ snapshot: backend.freeze() })),
      model: this.#model.snapshot(),
      finishing: undefined,
    }
  }

  encode(): void {
    if (this.#pending === undefined || this.#pending.finishing !== undefined) return
    for (const { snapshot } of this.#pending.parts) snapshot.encodeSlice(0)
  }

  async finish(wait: boolean): Promise<void> {
    const pending = this.#pending
    if (pending === undefined) return
    if (pending.finishing === undefined) {
      for (const part of pending.parts) while (!part.snapshot.encodeSlice(1));
      const folder = join(this.#folder, `checkpoint-${++this.#checkpoints}`)
      mkdirSync(folder)
      pending.finishing = Promise.all(
        pending.parts.map(async ({ snapshot }, i) => ({ folder, handle: await snapshot.finish(folder, `part-${i}`) })),
      )
      pending.finishing.catch(() => undefined)
    }
    if (wait) await this.#settle()
  }

  abandon(): void {
    if (this.#pending === undefined) return
    for (const { snapshot } of this.#pending.parts) snapshot.abandon()
    this.#pending = undefined
  }

  async restore(parallelism: number): Promise<void> {
    await this.#settle()
    await this.#closeAll()
    this.#model = this.#complete.model.snapshot()
    await this.#openAll(parallelism, this.#complete.restorables)
    await this.compareAll()
  }

  async compareAll(): Promise<void> {
    for (const subtask of this.#subtasks) {
      const keys = this.#keys.filter((key) => this.#subtaskOf(key) === subtask)
      await subtask.backend.prefetch(keys)
      for (const key of keys) this.#compareKey(subtask, key)
      for (const domain of ['event', 'processing'] as const) {
        const times = [...this.#model.timers.values()]
          .filter((timer) => timer.event === (domain === 'event') && this.#subtaskOf(timer.key) === subtask)
          .map((timer) => timer.time)
        const next = subtask.backend.nextTimer(domain)
        if (this.#cacheBytes === Number.POSITIVE_INFINITY) expect(next).toBe(earliest(times))
        // It may be early, never late.
        else if (times.length > 0) expect(next).toBeLessThanOrEqual(Math.min(...times))
      }
    }
  }

  async close(): Promise<void> {
    await this.#closeAll()
  }

  async #settle(): Promise<void> {
    const pending = this.#pending
    if (pending?.finishing === undefined) return
    this.#complete = { restorables: await pending.finishing, model: pending.model }
    this.#pending = undefined
  }

  async #closeAll(): Promise<void> {
    this.#pending = undefined
    for (const { backend } of this.#subtasks) await backend.close()
    this.#subtasks = []
  }

  async #openAll(parallelism: number, restorables: readonly Restorable[]): Promise<void> {
    this.#opens += 1
    const first = this.#opens === 1 || restorables.length === 0
    for (let i = 0; i < parallelism; i++) {
      const range = keyGroupRange(i, parallelism, KEY_GROUPS)
      const backend = makeBackend(this.#folder, {
        subtask: i,
        keyGroups: KEY_GROUPS,
        range,
        cacheBytes: this.#cacheBytes,
      })
      const concerned = restorables.filter(
        ({ handle }) => handle.keyGroups.start < range.end && range.start < handle.keyGroups.end,
      )
      await backend.open(first ? [] : concerned)
      this.#subtasks.push(register(backend, this.#opens + i))
    }
  }

  #write({ backend, ...states }: States, key: Key, write: Write): void {
    backend.setCurrentKey(key)
    const model = this.#model.of(key)
    switch (write.op) {
      case 'value.set':
        states.value.set(write.value)
        model.value = write.value
        break
      case 'value.clear':
        states.value.clear()
        model.value = undefined
        break
      case 'list.add':
        states.list.add(write.value)
        model.list.push(write.value)
        break
      case 'list.set':
        states.list.set(write.values)
        model.list = [...write.values]
        break
      case 'list.clear':
        states.list.clear()
        model.list = []
        break
      case 'reduce':
        states.reduced.add(write.by)
        model.reduced = (model.reduced ?? 0) + write.by
        break
      case 'reduce.clear':
        states.reduced.clear()
        model.reduced = undefined
        break
      case 'aggregate':
        states.aggregated.add(write.by)
        model.aggregated = [...(model.aggregated ?? []), write.by]
        break
      case 'mutate': {
        const read = states.mutable.get() ?? { numbers: [] }
        read.numbers.push(write.by)
        states.mutable.set(read)
        model.mutable = { numbers: [...(model.mutable?.numbers ?? []), write.by] }
        break
      }
      case 'timer.set':
      case 'timer.delete':
        this.#writeTimer(backend, key, write)
        break
      default:
        writeMap(states.map, model.map, write)
    }
    this.#compareKey({ backend, ...states }, key)
  }

  #writeTimer({ timers }: KeyedBackend, key: Key, write: Write & { op: 'timer.set' | 'timer.delete' }): void {
    const id = timerId(key, write.time, write.event)
    if (write.op === 'timer.set') {
      if (write.event) timers.registerEventTimeTimer(write.time)
      else timers.registerProcessingTimeTimer(write.time)
      this.#model.timers.set(id, { key, time: write.time, event: write.event })
    } else {
      if (write.event) timers.deleteEventTimeTimer(write.time)
      else timers.deleteProcessingTimeTimer(write.time)
      this.#model.timers.delete(id)
    }
  }

  #compareKey(states: States, key: Key): void {
    const model = this.#model.of(key)
    states.backend.setCurrentKey(key)
    const name = canonicalKey(key)
    expect(states.value.get(), `value of ${name}`).toEqual(model.value)
    expect(states.list.get(), `list of ${name}`).toEqual(model.list)
    expect(new Map(states.map.entries()), `map of ${name}`).toEqual(model.map)
    expect(states.map.size).toBe(model.map.size)
    expect(states.reduced.get(), `reduced of ${name}`).toBe(model.reduced)
    expect(states.aggregated.get(), `aggregated of ${name}`).toBe(model.aggregated?.join())
    expect(states.mutable.get(), `mutable of ${name}`).toEqual(model.mutable)
  }

  #key(index: number): Key {
    return this.#keys[index % this.#keys.length] as Key
  }

  #subtaskOf(key: Key): States {
    const group = keyGroupOf(key, KEY_GROUPS)
    return this.#subtasks[subtaskOfKeyGroup(group, KEY_GROUPS, this.#subtasks.length)] as States
  }
}

type MapWrite = Extract<Write, { readonly op: `map.${string}` }>

function writeMap(state: MapState<string | number, unknown>, model: Map<string | number, unknown>, write: MapWrite) {
  switch (write.op) {
    case 'map.set':
      state.set(write.userKey, write.value)
      model.set(write.userKey, write.value)
      break
    case 'map.delete':
      state.delete(write.userKey)
      model.delete(write.userKey)
      break
    case 'map.clear':
      state.clear()
      model.clear()
      break
    case 'map.fill':
      for (let i = write.from; i < write.from + write.count; i++) {
        state.set(i, write.value)
        model.set(i, write.value)
      }
      break
    case 'map.keep':
      for (const userKey of [...model.keys()].slice(write.count)) {
        state.delete(userKey)
        model.delete(userKey)
      }
  }
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times)
}

function timerId(key: Key, time: number, event: boolean): string {
  return `${canonicalKey(key)} ${time} ${event}`
}

/** Registers all states, in an order that differs by `turn`: rows must not depend on it. */
function register(backend: KeyedBackend, turn: number): States {
  const made = new Map<string, unknown>()
  const options = {}
  const descriptors = [
    { name: 'value', kind: 'value', options },
    { name: 'list', kind: 'list', options },
    { name: 'map', kind: 'map', options },
    { name: 'reduced', kind: 'reducing', options, reduce: (a: unknown, b: unknown) => (a as number) + (b as number) },
    {
      name: 'aggregated',
      kind: 'aggregating',
      options,
      aggregate: {
        create: () => [],
        add: (value: unknown, all: unknown) => [...(all as unknown[]), value],
        result: (all: unknown) => (all as unknown[]).join(),
        merge: (a: unknown, b: unknown) => [...(a as unknown[]), ...(b as unknown[])],
      },
    },
    { name: 'mutable', kind: 'value', options },
  ] as const
  for (let i = 0; i < descriptors.length; i++) {
    const descriptor = descriptors[
      (i * (turn % 2 === 0 ? 1 : 5) + turn) % descriptors.length
    ] as (typeof descriptors)[number]
    made.set(descriptor.name, backend.register(descriptor))
  }
  return { backend, ...Object.fromEntries(made) } as unknown as States
}
