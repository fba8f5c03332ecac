import { expect, it } from 'vitest'
import { SourceAlignment } from '../../../runtime/task/source-alignment.ts'
import { SourceTime } from '../../../runtime/task/source-time.ts'
import { ManualClock } from '../../../runtime/testing/index.ts'
import type { SourceReader, SourceSplit } from '../../../src/contract/source-function.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { monotonousTimestamps } from '../../../src/time/watermark-strategy.ts'

const INFINITY = Number.POSITIVE_INFINITY
const alignment = { group: 'g', maxDriftMs: 100 }

function aligned(options: { readonly perSplit?: boolean; readonly idleAfterMs?: number } = {}) {
  const { perSplit = true, ...more } = options
  const clock = new ManualClock()
  const strategy = monotonousTimestamps<unknown>({ timestampOf: Number, alignment, ...more })
  const output = { batch: () => {}, emit: () => {}, watermark: () => {}, idle: () => {} }
  const time = new SourceTime({ node: 'source', strategy, clock, output, restored: {}, perSplit })
  const paused: string[][] = []
  const pauseSplits = (ids: ReadonlySet<string>): void => void paused.push([...ids])
  const reader = (perSplit ? { pauseSplits } : {}) as unknown as SourceReader<unknown, SourceSplit>
  const reports: number[] = []
  const report = (group: string, reached: number): void => {
    expect(group).toBe('g')
    reports.push(reached)
  }
  const one = new SourceAlignment({ alignment, time, reader, clock, report })
  const read = (split: string | undefined, at: number): void => {
    time.accept(batchOf([at]), split)
    one.moved()
  }
  return { one, time, clock, read, reports: () => reports.splice(0), paused: () => paused.splice(0) }
}

it('waits when it is further ahead than allowed, and goes on when the others have come', () => {
  const { one, read, reports } = aligned({ perSplit: false })
  one.reportNow()
  expect(reports()).toEqual([-INFINITY])
  expect(one.heldBack).toBe(false)
  read(undefined, 1_001)
  expect(one.heldBack).toBe(true)
  expect(reports()).toEqual([1_000])
  expect(one.hear('g', 899)).toBe(false)
  expect(one.hear('other', 5_000)).toBe(false)
  expect(one.heldBack).toBe(true)
  expect(one.hear('g', 900)).toBe(true)
  expect(one.heldBack).toBe(false)
})

it('I1, I2: the slowest is never held back; who is held back has said how far it is, however recent its last report', () => {
  const { one, read, reports, clock } = aligned({ perSplit: false })
  one.hear('g', 0)
  read(undefined, 11)
  read(undefined, 21)
  expect(reports()).toEqual([10])
  clock.advance(5)
  read(undefined, 31)
  expect(reports()).toEqual([30])
  read(undefined, 501)
  expect([one.heldBack, reports()]).toEqual([true, [500]])
  one.hear('g', 500)
  expect(one.heldBack).toBe(false)
})

it('I3: splits that are ahead are paused, one without records yet is read', () => {
  const { one, time, read, paused } = aligned()
  time.addSplits(['a', 'b', 'c'])
  one.hear('g', 0)
  read('a', 1_001)
  expect([one.heldBack, paused()]).toEqual([false, [['a']]])
  read('b', 2_001)
  read('c', 51)
  expect([one.heldBack, paused()]).toEqual([false, [['a', 'b']]])
  read('c', 601)
  expect([one.heldBack, paused()]).toEqual([true, [['a', 'b', 'c']]])
  one.hear('g', 950)
  expect([one.heldBack, paused()]).toEqual([false, [['b']]])
})

it('I3: idle or ended, it holds nobody back and is not held back', () => {
  const { one, time, clock, read, reports } = aligned({ perSplit: false, idleAfterMs: 40 })
  read(undefined, 1)
  reports()
  for (let i = 0; i < 5; i += 1) {
    clock.advance(10)
    time.look()
  }
  one.moved()
  expect([one.heldBack, reports()]).toEqual([false, [INFINITY]])
  read(undefined, 201)
  expect([one.heldBack, reports()]).toEqual([true, [200]])
  one.leave()
  expect(reports()).toEqual([INFINITY])
})
