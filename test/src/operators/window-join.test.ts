// The window join against a model that lists every window, and one that grows sessions record by record.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { at, runJobHere, testJob, testNode } from '../../../runtime/testing/index.ts'
import {
  cumulativeWindows,
  globalWindows,
  type JoinType,
  sessionWindows,
  sideOutput,
  slidingWindows,
  type TimeWindow,
  tumblingWindows,
  type WindowAssigner,
} from '../../../src/index.ts'
import { type Act, type Item, scripts, stepsOf, twoStreamJob, withoutWatermarks } from '../../support/two-streams.ts'

const late = sideOutput<Item>('late')
const row = (a: Item | undefined, b: Item | undefined, { start, end }: TimeWindow): string =>
  `${a?.id ?? '-'}+${b?.id ?? '-'} in ${start}..${end}`

function joined(
  assigner: WindowAssigner,
  type: JoinType = 'inner',
  parts: Parameters<typeof twoStreamJob<string>>[1] = {},
) {
  return twoStreamJob(
    (left, right) => left.join(right).window(assigner, { type, lateLeft: late, lateRight: late }).apply('joined', row),
    parts,
  )
}

interface Sided {
  readonly side: 0 | 1
  readonly item: Item
}

function rowsOf(records: readonly Sided[], window: TimeWindow, type: JoinType) {
  const inside = (side: 0 | 1) => records.filter((one) => one.side === side).map(({ item }) => item)
  const [left, right] = [inside(0), inside(1)]
  const pairs = left.flatMap((a) => right.map((b) => row(a, b, window)))
  const leftAlone = right.length === 0 && (type === 'left' || type === 'full') ? left : []
  const rightAlone = left.length === 0 && (type === 'right' || type === 'full') ? right : []
  const rows = [
    ...pairs,
    ...leftAlone.map((a) => row(a, undefined, window)),
    ...rightAlone.map((b) => row(undefined, b, window)),
  ]
  return rows.map((one) => at(window.end - 1, one))
}

const KEYS = [0, 1, 2, 3]
/** Every window on the grid that may hold a record of a script. */
const gridOf = (size: number, slide: number): TimeWindow[] =>
  Array.from({ length: 900 }, (_, i) => ({ start: (i - 300) * slide, end: (i - 300) * slide + size }))
const cumulativeGrid = (size: number, step: number): TimeWindow[] =>
  Array.from({ length: 200 }, (_, i) => (i - 60) * size).flatMap((start) =>
    Array.from({ length: size / step }, (_, k) => ({ start, end: start + (k + 1) * step })),
  )

function alignedModel(script: readonly Act[], windows: readonly TimeWindow[], type: JoinType) {
  let reached = Number.NEGATIVE_INFINITY
  const intime = new Map<TimeWindow, Sided[]>()
  const tooLate: Item[] = []
  for (const act of script) {
    if (act.kind === 'watermark') reached = act.time
    else {
      const mine = windows.filter(({ start, end }) => start <= act.item.time && act.item.time < end)
      const open = mine.filter(({ end }) => end - 1 > reached)
      if (mine.length > 0 && open.length === 0) tooLate.push(act.item)
      for (const window of open) intime.set(window, [...(intime.get(window) ?? []), act])
    }
  }
  const rows = [...intime].flatMap(([window, records]) =>
    KEYS.flatMap((key) =>
      rowsOf(
        records.filter(({ item }) => item.key === key),
        window,
        type,
      ),
    ),
  )
  return { rows, late: tooLate.map((item) => at(item.time, item)) }
}

function sessionModel(script: readonly Act[], gap: number, type: JoinType) {
  type Session = TimeWindow & { readonly key: number; readonly records: readonly Sided[] }
  let reached = Number.NEGATIVE_INFINITY
  let open: Session[] = []
  const rows: unknown[] = []
  const tooLate: Item[] = []
  const close = (): void => {
    for (const session of open.filter(({ end }) => end - 1 <= reached)) {
      rows.push(...rowsOf(session.records, { start: session.start, end: session.end }, type))
    }
    open = open.filter(({ end }) => end - 1 > reached)
  }
  for (const act of script) {
    if (act.kind === 'watermark') {
      reached = act.time
      close()
      continue
    }
    const { key, time } = act.item
    const own: Session = { key, start: time, end: time + gap, records: [act] }
    const touching = open.filter((one) => one.key === key && one.start <= own.end && own.start <= one.end)
    const merged: Session = {
      key,
      start: Math.min(...[own, ...touching].map(({ start }) => start)),
      end: Math.max(...[own, ...touching].map(({ end }) => end)),
      records: [...touching.flatMap(({ records }) => records), act],
    }
    if (merged.end - 1 <= reached) tooLate.push(act.item)
    else open = [...open.filter((one) => !touching.includes(one)), merged]
  }
  reached = Number.POSITIVE_INFINITY
  close()
  return { rows, late: tooLate.map((item) => at(item.time, item)) }
}

const ALIGNED: readonly (readonly [string, WindowAssigner, readonly TimeWindow[]])[] = [
  ['tumbling', tumblingWindows(5), gridOf(5, 5)],
  ['sliding', slidingWindows(9, 3), gridOf(9, 3)],
  ['sliding with gaps', slidingWindows(2, 5), gridOf(2, 5)],
  ['sliding, not a multiple', slidingWindows(7, 3), gridOf(7, 3)],
  ['cumulative', cumulativeWindows(8, 2), cumulativeGrid(8, 2)],
  [
    'with an offset',
    tumblingWindows(5, { offsetMs: 2 }),
    gridOf(5, 5).map((w) => ({ start: w.start + 2, end: w.end + 2 })),
  ],
]
const types = fc.constantFrom<JoinType>('inner', 'left', 'right', 'full')

test.each(ALIGNED)('%s: is as the model says, however the node is run', async (_name, assigner, windows) => {
  await fc.assert(
    fc.asyncProperty(scripts(25), types, async (script, type) => {
      const { rows, late: tooLate } = alignedModel(script, windows, type)
      await testNode(joined(assigner, type), 'joined', {
        input: stepsOf(script),
        expected: rows,
        sides: { late: tooLate },
        anyOrder: true,
      })
    }),
    { numRuns: 6 },
  )
})

test('sessions: are as the model says, however the node is run', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(25), types, fc.integer({ min: 1, max: 6 }), async (script, type, gap) => {
      const { rows, late: tooLate } = sessionModel(script, gap, type)
      await testNode(joined(sessionWindows(gap), type), 'joined', {
        input: stepsOf(script),
        expected: rows,
        sides: { late: tooLate },
        anyOrder: true,
      })
    }),
    { numRuns: 20 },
  )
})

test('in batch mode: the same rows, and nothing is late', async () => {
  await fc.assert(
    fc.asyncProperty(scripts(25), types, async (all, type) => {
      const script = withoutWatermarks(all)
      const input = stepsOf(script)
      const ways = ['in batch mode'] as const
      const { rows: sliding } = alignedModel(script, gridOf(9, 3), type)
      await testNode(joined(slidingWindows(9, 3), type), 'joined', { input, expected: [], batch: sliding, ways })
      const { rows: sessions } = sessionModel(script, 3, type)
      await testNode(joined(sessionWindows(3), type), 'joined', { input, expected: [], batch: sessions, ways })
    }),
    { numRuns: 10 },
  )
})

test('through throws, at several parallelisms', async () => {
  const [left, right] = [0, 1].map((side) =>
    Array.from({ length: 24 }, (_, i): Item => ({ key: i % 4, id: i * 2 + side, time: i * (2 - side) })),
  ) as [Item[], Item[]]
  const script = [
    ...left.map((item) => ({ kind: 'record' as const, side: 0 as const, item })),
    ...right.map((item) => ({ kind: 'record' as const, side: 1 as const, item })),
  ]
  const { rows } = alignedModel(script, gridOf(6, 3), 'full')
  await testJob<string>((out) => joined(slidingWindows(6, 3), 'full', { left, right, out }), {
    expected: rows.map((step) => ('value' in step ? (step.value as string) : '')),
    faults: [{ node: 'joined', record: 9 }],
    parallelism: [1, 2, 3],
  })
})

test('nothing is kept of a window that is over', async () => {
  const left = Array.from({ length: 2_000 }, (_, i): Item => ({ key: i, id: i, time: i }))
  const out: string[] = []
  const { metrics } = await runJobHere(joined(slidingWindows(10, 5), 'inner', { left, right: left, out }))
  expect(out).toHaveLength(4_000)
  expect(metrics.find(({ node }) => node === 'joined')?.stateBytes).toBeLessThan(1_000)
})

describe('refused where it is written', () => {
  const built = (assigner: WindowAssigner) => () =>
    joined(assigner).build({ settings: {}, dataDir: '', mode: 'stream' })

  test.each([
    [globalWindows(), /global windows do not end by time/],
    [tumblingWindows(5, { processingTime: true }), /windows of a join are of event time/],
    [sessionWindows(() => 5), /the sessions of a join have one gap/],
    [tumblingWindows(0), /sizeMs of tumblingWindows\(\)/],
  ])('%j', (assigner, message) => {
    expect(built(assigner)).toThrow(message)
  })
})

test('what the row function throws is told with key and window', async () => {
  const item: Item = { key: 1, id: 1, time: 3 }
  const throwing = twoStreamJob(
    (left, right) =>
      left
        .join(right)
        .window(tumblingWindows(5))
        .apply('joined', (): string => {
          throw new Error('no row')
        }),
    { left: [item], right: [item] },
  )
  const { failure } = await runJobHere(throwing, { restart: { strategy: 'none' } })
  expect(failure?.message).toContain('Node "joined" threw on the window of key 1 that ends at 5: no row')
})
