// Windows of event time against the plain model: random records, out of order, random watermarks, keys, sizes, offsets and lateness.

import fc from 'fast-check'
import { describe, it } from 'vitest'
import { at, type NodeTestWay, testNode } from '../../../../runtime/testing/index.ts'
import { print } from '../../../../src/connectors/print/index.ts'
import {
  cumulativeWindows,
  eventTimeTrigger,
  fromArray,
  type Job,
  job,
  sessionWindows,
  sideOutput,
  slidingWindows,
  type TimeWindow,
  tumblingWindows,
  type WindowAssigner,
  type WindowedStream,
} from '../../../../src/index.ts'
import { type Event, type Fired, type ModelOptions, stepsOf, windowModel } from './window-model.ts'

type Item = readonly [key: number, id: number]

interface Case {
  readonly assigner: WindowAssigner<Item>
  readonly model: Omit<ModelOptions, 'latenessMs'>
}

const late = sideOutput<Item>('late')

function windowsJob(
  assigner: WindowAssigner<Item>,
  latenessMs: number,
  add: (windows: WindowedStream<number, Item>) => { side(tag: typeof late): { to: unknown } } & object,
): Job {
  return job('windows', (flow) => {
    const windows = flow
      .from('items', fromArray<Item>([]))
      .keyBy('key', ([key]) => key)
      .window(assigner)
      .allowedLateness(latenessMs)
      .lateRecords(late)
    const results = add(windows) as ReturnType<typeof flow.from<unknown>>
    results.to('out', print())
    results.side(late).to('late', print())
  })
}

/** All records of a window, in order. */
const listing = (windows: WindowedStream<number, Item>) =>
  windows.process<Fired>('windows', (items, { key, window: { start, end } }, out) => {
    out.emit({ key, start, end, ids: items.map(([, id]) => id) })
  })

/** Lists made by an accumulator that is changed in place. */
const folding = (windows: WindowedStream<number, Item>) =>
  windows.aggregate(
    'windows',
    {
      create: (): number[] => [],
      add(item: Item, ids) {
        ids.push(item[1])
        return ids
      },
      result: (ids) => ids,
      merge(a, b) {
        a.push(...b)
        return a
      },
    },
    (key: number, { start, end }: TimeWindow, ids: number[]): Fired => ({
      key,
      start,
      end,
      ids: ids.sort((a, b) => a - b),
    }),
  )

const floor = (time: number, stepMs: number, offsetMs: number): number =>
  Math.floor((time - offsetMs) / stepMs) * stepMs + offsetMs

function slidingOf(sizeMs: number, slideMs: number, offsetMs: number): (time: number) => TimeWindow[] {
  return (time) => {
    const windows: TimeWindow[] = []
    for (let start = floor(time, slideMs, offsetMs); start > time - sizeMs; start -= slideMs) {
      windows.push({ start, end: start + sizeMs })
    }
    return windows
  }
}

function cumulativeOf(sizeMs: number, stepMs: number, offsetMs: number): (time: number) => TimeWindow[] {
  return (time) => {
    const start = floor(time, sizeMs, offsetMs)
    const windows: TimeWindow[] = []
    for (let end = start + stepMs; end <= start + sizeMs; end += stepMs) if (time < end) windows.push({ start, end })
    return windows
  }
}

const small = fc.integer({ min: 1, max: 12 })
const offsets = fc.integer({ min: -7, max: 7 })
const KINDS: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  tumbling: fc.tuple(small, offsets).map(([sizeMs, offsetMs]) => ({
    assigner: tumblingWindows(sizeMs, { offsetMs }),
    model: { windowsOf: slidingOf(sizeMs, sizeMs, offsetMs) },
  })),
  sliding: fc.tuple(small, small, offsets).map(([sizeMs, slideMs, offsetMs]) => ({
    assigner: slidingWindows(sizeMs, slideMs, { offsetMs }),
    model: { windowsOf: slidingOf(sizeMs, slideMs, offsetMs) },
  })),
  cumulative: fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5 }), offsets)
    .map(([stepMs, steps, offsetMs]) => ({
      assigner: cumulativeWindows(stepMs * steps, stepMs, { offsetMs }),
      model: { windowsOf: cumulativeOf(stepMs * steps, stepMs, offsetMs) },
    })),
  session: small.map((gapMs) => ({ assigner: sessionWindows<Item>(gapMs), model: { gapMs } })),
}

const events: fc.Arbitrary<Event[]> = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ key: fc.integer({ min: 0, max: 2 }), time: fc.integer({ min: -30, max: 30 }) }),
      },
      { weight: 1, arbitrary: fc.integer({ min: -30, max: 40 }) },
    ),
    { maxLength: 40 },
  )
  .map((steps) =>
    steps.map((step, id) =>
      typeof step === 'number'
        ? ({ kind: 'watermark', time: step } as const)
        : ({ kind: 'record', ...step, id } as const),
    ),
  )
const latenesses = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 15 }))

async function check(
  { assigner, model }: Case,
  script: readonly Event[],
  {
    latenessMs,
    ways,
    add,
  }: { latenessMs: number; ways: readonly NodeTestWay[]; add: Parameters<typeof windowsJob>[2] },
): Promise<void> {
  const { fired, late: lateIds } = windowModel(script, { ...model, latenessMs })
  const records = new Map(script.flatMap((event) => (event.kind === 'record' ? [[event.id, event] as const] : [])))
  await testNode(windowsJob(assigner, latenessMs, add), 'windows', {
    input: stepsOf(script),
    expected: fired.map((row) => at(row.end - 1, row)),
    sides: {
      late: lateIds.map((id) => {
        const record = records.get(id)
        return at(record?.time ?? 0, [record?.key, id])
      }),
    },
    anyOrder: true,
    ways,
  })
}

const ALL_WAYS: readonly NodeTestWay[] = ['singly', 'in bulk', 'restored after each step', 'narrow']

describe('windows of many panes, most of them with records', () => {
  const dense = (maxLength: number): fc.Arbitrary<Event[]> =>
    fc
      .array(
        fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: -2, max: 3 }), fc.integer({ min: 0, max: 5 })),
        {
          minLength: maxLength / 3,
          maxLength,
        },
      )
      .map((steps) => {
        let now = 0
        return steps.map(([key, step, what], id): Event => {
          if (what === 0) return { kind: 'watermark', time: now - 3 }
          now += step
          return { kind: 'record', key, time: now, id }
        })
      })
  const wide = fc.constantFrom<Case>(
    { assigner: slidingWindows(20, 1), model: { windowsOf: slidingOf(20, 1, 0) } },
    { assigner: slidingWindows(25, 3), model: { windowsOf: slidingOf(25, 3, 0) } },
    { assigner: cumulativeWindows(24, 1), model: { windowsOf: cumulativeOf(24, 1, 0) } },
  )

  it.each([
    ['are merged from what was merged before', 20, 120, ['in bulk']],
    ['are so too after restores and with nothing in the heap', 1, 24, ALL_WAYS],
  ] as const)('%s', (_name, numRuns, steps, ways) =>
    fc.assert(
      fc.asyncProperty(wide, dense(steps), latenesses, async (one, script, latenessMs) => {
        await check(one, script, { latenessMs, ways, add: folding })
        await check(one, script, { latenessMs, ways, add: listing })
      }),
      { numRuns },
    ),
  )
})

describe.each(Object.entries(KINDS))('%s windows', (_kind, cases) => {
  const run = (
    numRuns: number,
    options: { readonly ways: readonly NodeTestWay[]; readonly add: Parameters<typeof windowsJob>[2] },
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(cases, events, latenesses, (one, script, latenessMs) =>
        check(one, script, { latenessMs, ...options }),
      ),
      { numRuns },
    )

  it('have all records of each window, in order, and no others', () => run(25, { ways: ['in bulk'], add: listing }))

  it('have accumulators of their own, however they share panes', () => run(25, { ways: ['in bulk'], add: folding }))

  it('are the same one by one, through restores and with nothing in the heap', () =>
    run(4, { ways: ALL_WAYS, add: listing }))

  it('with a trigger that does what they do without one, are the same', () =>
    run(15, { ways: ['in bulk'], add: (windows) => listing(windows.trigger(eventTimeTrigger())) }))
})
