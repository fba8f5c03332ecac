// Windows by hand, over records whose event times are known: what came out is compared with a plain count.

import { type Collector, defineSource, KeyedProcessFunction, type SplitSource } from 'millrace'
import type { KeyedProcessContext, OnTimerContext } from '../../src/contract/process-function.ts'

export interface Click {
  readonly key: number
  readonly at: number
}

export interface Counted {
  readonly key: number
  /** The end of the window. */
  readonly end: number
  readonly count: number
}

export const WINDOW_MS = 100
const endOf = (at: number): number => Math.floor(at / WINDOW_MS) * WINDOW_MS + WINDOW_MS

/** Counts per key and window; what comes after its window has closed is counted as late. Throws if event time falls. */
export class CountWindows extends KeyedProcessFunction<number, Click, Counted> {
  readonly #counts = this.mapState<number, number>('counts')
  readonly #reached = this.valueState<number>('reached')
  readonly #onLate: () => void
  readonly #eventTime: 'only grows' | 'may fall'

  constructor(onLate: () => void, eventTime: 'only grows' | 'may fall' = 'only grows') {
    super()
    this.#onLate = onLate
    this.#eventTime = eventTime
  }

  override process({ at }: Click, { timers }: KeyedProcessContext<number>): void {
    this.#watch(timers.currentWatermark())
    const end = endOf(at)
    if (end - 1 <= timers.currentWatermark()) return this.#onLate()
    this.#counts.set(end, (this.#counts.get(end) ?? 0) + 1)
    timers.registerEventTimeTimer(end - 1)
  }

  override onTimer(at: number, { key, timers }: OnTimerContext<number>, out: Collector<Counted>): void {
    this.#watch(timers.currentWatermark())
    const count = this.#counts.get(at + 1)
    if (count === undefined) throw new Error(`timer ${at} of key ${key} fired twice`)
    this.#counts.delete(at + 1)
    out.emit({ key, end: at + 1, count })
  }

  #watch(watermark: number): void {
    if (this.#eventTime === 'may fall') return
    const before = this.#reached.get()
    if (before !== undefined && watermark < before) throw new Error(`event time fell from ${before} to ${watermark}`)
    if (Number.isFinite(watermark)) this.#reached.set(watermark)
  }
}

/** What CountWindows makes of all of them, none being late. */
export function countedIn(clicks: Iterable<Click>): Counted[] {
  const counts = new Map<string, Counted>()
  for (const { key, at } of clicks) {
    const end = endOf(at)
    const id = `${key}/${end}`
    counts.set(id, { key, end, count: (counts.get(id)?.count ?? 0) + 1 })
  }
  return [...counts.values()]
}

export const inOrder = (counted: readonly Counted[]): Counted[] =>
  counted.toSorted((a, b) => a.end - b.end || a.key - b.key)

/** Lists of clicks, each a split, `batch` at a time. `open`: whether there is more to read after so many; `endless`: it never ends. */
export function clickSource(
  splits: Readonly<Record<string, readonly Click[]>>,
  options: {
    readonly batch?: number
    readonly endless?: boolean
    readonly mayRead?: (split: string, read: number) => boolean
  } = {},
): SplitSource<Click, { readonly id: string; readonly position: number }> {
  const { batch = 7, endless = false, mayRead = () => true } = options
  return defineSource<Click, number>({
    splits: Object.fromEntries(Object.keys(splits).map((id) => [id, 0])),
    bounded: !endless,
    pollMs: 1,
    read: (position, limit, split) => {
      const all = splits[split] ?? []
      if (position >= all.length) return endless ? 'idle' : 'end'
      if (!mayRead(split, position)) return 'idle'
      const records = all.slice(position, position + Math.min(limit, batch))
      return { records, position: position + records.length }
    },
  })
}

/** `count` clicks, `stepMs` apart from `start` on, up to `jitterMs` out of order, of 5 keys. */
export function clicks(count: number, { start = 0, stepMs = 10, jitterMs = 0 } = {}): Click[] {
  return Array.from({ length: count }, (_, i) => ({
    key: (i * 7) % 5,
    at: start + i * stepMs - (jitterMs === 0 ? 0 : (i * 37) % jitterMs),
  }))
}
