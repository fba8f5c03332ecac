// A job that keeps something of every kind for each key, so that a savepoint of it that loses or changes anything shows in what it
// emits: numbers, each counted in every state, and at the end of the input all that is kept of each key.

import { defineSource, type Job, type JobOptions, job, KeyedProcessFunction } from 'millrace'
import { collect } from 'millrace/connectors/collect'
import type { Collector, KeyedProcessContext, OnTimerContext } from '../../src/contract/process-function.ts'
import type { ValueState } from '../../src/contract/state.ts'

/** How far the source may read: both are looked at again and again. */
export interface Gate {
  /** Numbers below this. */
  limit: number
  /** At the limit the input ends; else it waits. */
  ends: boolean
}

/** What is kept of one key. */
export interface Kept {
  readonly key: number
  readonly count: number
  readonly last: readonly number[]
  readonly rests: readonly (readonly [number, number])[]
  readonly sum: number
  readonly mortal: number
}

export type Emitted = { readonly number: number; readonly count: number } | Kept

/** How the code of the job may have changed. */
export interface KeeperJobOptions extends JobOptions {
  readonly gate: Gate
  readonly out: Emitted[]
  /** The node's name. */
  readonly keeper?: string | undefined
  /** The count as a number (1), or in an object (2); 'unmigrated': 2 that cannot read 1. */
  readonly version?: 1 | 2 | 'unmigrated'
  /** A second keyed node behind the first. */
  readonly added?: boolean
}

export const KEYS = 12
const SPLITS = 3
const END_MS = 10_000
export const NEVER_MS = 8e12

interface CountV2 {
  readonly n: number
}

class Keeper extends KeyedProcessFunction<number, number, Emitted> {
  readonly #version: 1 | 2 | 'unmigrated'
  readonly #count: ValueState<number | CountV2>
  readonly #last = this.listState<number>('last')
  readonly #rests = this.mapState<number, number>('rests')
  readonly #sum = this.reducingState<number>('sum', (a, b) => a + b)
  readonly #mortal = this.valueState<number>('mortal', { ttl: { ttlMs: 3_600_000 } })

  constructor(version: 1 | 2 | 'unmigrated') {
    super()
    this.#version = version
    const migrate = version === 2 ? { migrate: (old: unknown): CountV2 => ({ n: old as number }) } : {}
    this.#count = this.valueState<number | CountV2>('count', version === 1 ? {} : { version: 2, ...migrate })
  }

  override process(number: number, { timers }: KeyedProcessContext<number>, out: Collector<Emitted>): void {
    const count = this.#counted() + 1
    this.#count.set(this.#version === 1 ? count : { n: count })
    this.#last.set([...this.#last.get(), number].slice(-3))
    this.#rests.set(number % 5, (this.#rests.get(number % 5) ?? 0) + 1)
    this.#sum.add(number)
    this.#mortal.set((this.#mortal.get() ?? 0) + 1)
    timers.registerEventTimeTimer(END_MS)
    timers.registerProcessingTimeTimer(NEVER_MS)
    out.emit({ number, count })
  }

  override onTimer(_timestamp: number, { key }: OnTimerContext<number>, out: Collector<Emitted>): void {
    const rests = [...this.#rests.entries()].sort(([a], [b]) => a - b)
    const [count, sum, mortal] = [this.#counted(), this.#sum.get() ?? 0, this.#mortal.get() ?? 0]
    out.emit({ key, count, last: this.#last.get(), rests, sum, mortal })
  }

  #counted(): number {
    const count = this.#count.get() ?? 0
    return typeof count === 'number' ? count : count.n
  }
}

/** Counts what it sees of each key, from the moment it was added. */
class Added extends KeyedProcessFunction<number, Emitted, Emitted> {
  readonly #seen = this.valueState<number>('seen')

  override process(emitted: Emitted, _context: unknown, out: Collector<Emitted>): void {
    this.#seen.set((this.#seen.get() ?? 0) + 1)
    out.emit(emitted)
  }
}

export function keeperJob(options: KeeperJobOptions): Job {
  const { gate, out, keeper, version = 1, added = false, ...jobOptions } = options
  return job(
    'keeper',
    (flow) => {
      const numbers = flow.from('numbers', defineSource<number, number>(numbersOf(gate)))
      const kept =
        'keeper' in options && keeper === undefined
          ? numbers.map('plain', (number): Emitted => ({ number, count: 0 }))
          : numbers.keyBy('key', (number) => number % KEYS).process(keeper ?? 'keeper', () => new Keeper(version))
      const all = added
        ? kept
            .keyBy('again', (emitted) => ('key' in emitted ? emitted.key : emitted.number % KEYS))
            .process('added', () => new Added())
        : kept
      all.to('out', () => collect(out))
    },
    jobOptions,
  )
}

function numbersOf(gate: Gate) {
  return {
    splits: Object.fromEntries(Array.from({ length: SPLITS }, (_, i) => [`s${i}`, i])),
    bounded: true,
    pollMs: 1,
    read: (position: number, limit: number) => {
      const { limit: until, ends } = gate
      const records: number[] = []
      let next = position
      for (; next < until && records.length < Math.min(limit, 20); next += SPLITS) records.push(next)
      if (records.length > 0) return { records, position: next }
      return ends ? ('end' as const) : ('idle' as const)
    },
  }
}

/** What is kept after the numbers below `until`. */
export function keptAfter(until: number): Kept[] {
  return Array.from({ length: KEYS }, (_, key) => {
    const numbers = Array.from({ length: until }, (_, i) => i).filter((number) => number % KEYS === key)
    const rests = new Map<number, number>()
    for (const number of numbers) rests.set(number % 5, (rests.get(number % 5) ?? 0) + 1)
    const [count, sum] = [numbers.length, numbers.reduce((a, b) => a + b, 0)]
    return { key, count, last: numbers.slice(-3), rests: [...rests].sort(([a], [b]) => a - b), sum, mortal: count }
  })
}
