// One line per node from the reports of its subtasks. Pure.

import type { SourceProgress } from '../../src/contract/source-function.ts'
import type { NodeMetrics } from './node-metrics.ts'

/** A node's metrics over all its subtasks. */
export interface NodeTotals {
  readonly node: string
  readonly subtasks: number
  readonly recordsIn: number
  readonly recordsOut: number
  readonly bytesOut: number
  /** Means over the subtasks, each 0 to 1. */
  readonly busy: number
  readonly backPressured: number
  readonly idle: number
  /** The least of those that have one: what the node as a whole has reached. */
  readonly watermark: number | undefined
  readonly stateBytes: number
  /** Sums. */
  readonly counters: Readonly<Record<string, number>>
  /** The largest of each: for lags and queue lengths the worst is what matters. */
  readonly gauges: Readonly<Record<string, number>>
  /** Parts of one item reported by several subtasks are added up. */
  readonly progress: readonly SourceProgress[]
}

/** Sums, means, minima and maxima over the subtasks of each node; nodes in the order they first appear. */
export function totalsByNode(metrics: readonly NodeMetrics[]): readonly NodeTotals[] {
  const groups = new Map<string, NodeMetrics[]>()
  for (const report of metrics) {
    const group = groups.get(report.node)
    if (group === undefined) groups.set(report.node, [report])
    else group.push(report)
  }
  return [...groups].map(([node, reports]) => totalsOf(node, reports))
}

function totalsOf(node: string, reports: readonly NodeMetrics[]): NodeTotals {
  const sum = (pick: (report: NodeMetrics) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0)
  const mean = (pick: (report: NodeMetrics) => number): number => sum(pick) / reports.length
  return {
    node,
    subtasks: reports.length,
    recordsIn: sum((report) => report.recordsIn),
    recordsOut: sum((report) => report.recordsOut),
    bytesOut: sum((report) => report.bytesOut),
    busy: mean((report) => report.busy),
    backPressured: mean((report) => report.backPressured),
    idle: mean((report) => report.idle),
    watermark: leastWatermark(reports),
    stateBytes: sum((report) => report.stateBytes),
    counters: combine(
      reports.map((report) => report.counters),
      (a, b) => a + b,
    ),
    gauges: combine(
      reports.map((report) => report.gauges),
      Math.max,
    ),
    progress: mergeProgress(reports.flatMap((report) => report.progress)),
  }
}

function leastWatermark(reports: readonly NodeMetrics[]): number | undefined {
  let least: number | undefined
  for (const { watermark } of reports) {
    if (watermark !== undefined && (least === undefined || watermark < least)) least = watermark
  }
  return least
}

function combine(
  records: readonly Readonly<Record<string, number>>[],
  join: (a: number, b: number) => number,
): Readonly<Record<string, number>> {
  const all = new Map<string, number>()
  for (const record of records) {
    for (const [name, value] of Object.entries(record)) {
      const before = all.get(name)
      all.set(name, before === undefined ? value : join(before, value))
    }
  }
  return Object.fromEntries(all)
}

function mergeProgress(parts: readonly SourceProgress[]): readonly SourceProgress[] {
  const items = new Map<string, SourceProgress>()
  for (const part of parts) {
    const key = `${part.unit}\0${part.item}`
    const before = items.get(key)
    items.set(key, before === undefined ? part : addProgress(before, part))
  }
  return [...items.values()]
}

function addProgress(a: SourceProgress, b: SourceProgress): SourceProgress {
  const total = a.total === undefined && b.total === undefined ? undefined : (a.total ?? 0) + (b.total ?? 0)
  return { ...a, done: a.done + b.done, total }
}
