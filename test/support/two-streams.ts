// Scripts of two keyed streams for tests of joins: records out of order, watermarks between them; and jobs that read such streams.

import fc from 'fast-check'
import { at, second, watermark } from '../../runtime/testing/index.ts'
import { collect } from '../../src/connectors/collect/index.ts'
import { fromArray, type Job, job, type KeyedStream, type Stream } from '../../src/index.ts'

/** A record of either stream. `id` tells it from all others. */
export interface Item {
  readonly key: number
  readonly id: number
  readonly time: number
}

export type Act =
  | { readonly kind: 'record'; readonly side: 0 | 1; readonly item: Item }
  | { readonly kind: 'watermark'; readonly time: number }

/** Up to `length` records of few keys and times, with watermarks that grow between them. */
export function scripts(length = 40): fc.Arbitrary<readonly Act[]> {
  const record = fc.record({
    side: fc.constantFrom(0 as const, 1 as const),
    key: fc.integer({ min: 0, max: 2 }),
    ahead: fc.integer({ min: -4, max: 20 }),
  })
  const step = fc.oneof({ arbitrary: record, weight: 5 }, { arbitrary: fc.integer({ min: 1, max: 8 }), weight: 1 })
  return fc.array(step, { maxLength: length }).map((steps) => {
    let reached = 0
    return steps.map((one, id): Act => {
      if (typeof one === 'number') {
        reached += one
        return { kind: 'watermark', time: reached }
      }
      return { kind: 'record', side: one.side, item: { key: one.key, id, time: reached + one.ahead } }
    })
  })
}

/** The script as steps of a node test. */
export function stepsOf(script: readonly Act[]): unknown[] {
  return script.map((act) => {
    if (act.kind === 'watermark') return watermark(act.time)
    return act.side === 0 ? at(act.item.time, act.item) : second(at(act.item.time, act.item))
  })
}

/** The records alone: a batch run has no watermark but the last. */
export function withoutWatermarks(script: readonly Act[]): Act[] {
  return script.filter(({ kind }) => kind === 'record')
}

/** Which records of the script are in time, by side, and which are late. */
export function inTime(script: readonly Act[]): {
  readonly left: Item[]
  readonly right: Item[]
  readonly late: Item[]
} {
  const sorted: { left: Item[]; right: Item[]; late: Item[] } = { left: [], right: [], late: [] }
  let reached = Number.NEGATIVE_INFINITY
  for (const act of script) {
    if (act.kind === 'watermark') reached = act.time
    else if (act.item.time <= reached) sorted.late.push(act.item)
    else (act.side === 0 ? sorted.left : sorted.right).push(act.item)
  }
  return sorted
}

/** A job whose streams are given by arrays, keyed by `key`; `body` makes the joined stream. */
export function twoStreamJob<Out>(
  body: (left: KeyedStream<number, Item>, right: KeyedStream<number, Item>) => Stream<Out>,
  parts: { readonly left?: readonly Item[]; readonly right?: readonly Item[]; readonly out?: Out[] } = {},
): Job {
  return job('two-streams', (flow) => {
    const keyed = (name: string, items: readonly Item[]): KeyedStream<number, Item> =>
      flow
        .from(name, fromArray(items))
        .assignTimestamps(`${name}-times`, ({ time }) => time)
        .keyBy(`${name}-key`, ({ key }) => key)
    body(keyed('left', parts.left ?? []), keyed('right', parts.right ?? [])).to('out', collect<Out>(parts.out ?? []))
  })
}
