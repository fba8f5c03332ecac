import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { totalsByNode } from '../../../runtime/metrics/aggregate.ts'
import type { NodeMetrics } from '../../../runtime/metrics/node-metrics.ts'

function report(node: string, subtask: number, more: Partial<NodeMetrics> = {}): NodeMetrics {
  return {
    node,
    subtask,
    recordsIn: 0,
    recordsOut: 0,
    bytesOut: 0,
    busy: 0,
    backPressured: 0,
    idle: 1,
    watermark: undefined,
    stateBytes: 0,
    counters: {},
    gauges: {},
    progress: [],
    ...more,
  }
}

describe('totals by node', () => {
  it('adds counts, averages ratios, takes the least watermark and the largest gauge', () => {
    const [totals] = totalsByNode([
      report('a', 0, {
        recordsIn: 3,
        recordsOut: 1,
        busy: 1,
        idle: 0,
        watermark: 50,
        counters: { bad: 1 },
        gauges: { lagMs: 5 },
      }),
      report('a', 1, {
        recordsIn: 4,
        recordsOut: 2,
        busy: 0.5,
        watermark: 40,
        counters: { bad: 2, late: 1 },
        gauges: { lagMs: 9 },
      }),
      report('a', 2, { busy: 0, watermark: undefined }),
    ])
    expect(totals).toMatchObject({ subtasks: 3, recordsIn: 7, recordsOut: 3, busy: 0.5, watermark: 40 })
    expect(totals?.counters).toEqual({ bad: 3, late: 1 })
    expect(totals?.gauges).toEqual({ lagMs: 9 })
  })

  it('adds up the parts of one progress item and keeps others apart', () => {
    const [totals] = totalsByNode([
      report('a', 0, {
        progress: [
          { item: 't', done: 1, total: 10, unit: 'rows' },
          { item: 'u', done: 5, total: undefined, unit: 'rows' },
        ],
      }),
      report('a', 1, { progress: [{ item: 't', done: 2, total: 5, unit: 'rows' }] }),
    ])
    expect(totals?.progress).toEqual([
      { item: 't', done: 3, total: 15, unit: 'rows' },
      { item: 'u', done: 5, total: undefined, unit: 'rows' },
    ])
  })

  it('loses no record, whatever the order and spread of the reports', () => {
    const reports = fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), fc.nat(9), fc.nat(1e9), fc.nat(1e9)))
    fc.assert(
      fc.property(reports, (rows) => {
        const totals = totalsByNode(rows.map(([node, n, i, o]) => report(node, n, { recordsIn: i, recordsOut: o })))
        const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
        expect(sum(totals.map((t) => t.recordsIn))).toBe(sum(rows.map(([, , i]) => i)))
        expect(sum(totals.map((t) => t.recordsOut))).toBe(sum(rows.map(([, , , o]) => o)))
        expect(sum(totals.map((t) => t.subtasks))).toBe(rows.length)
      }),
    )
  })
})
