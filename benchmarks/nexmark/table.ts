import { type Comparison, describe } from './measure-query.ts'

const HEADS = [
  'query',
  'events',
  "Flink's state",
  'Millrace',
  'Flink 2.0',
  'per CPU-second',
  'goal',
  'memory',
  'goal',
  '',
]

/** The table of a run, in Markdown. */
export function tableOf(comparisons: readonly Comparison[]): string {
  const lines = [HEADS, HEADS.map(() => '---'), ...comparisons.map(cellsOf)]
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines.map((line) => `| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`).join('\n')
}

function cellsOf({ query, events, state, own, flink, times, timesMin, memoryTimesMax }: Comparison): string[] {
  const memoryTimes = flink === undefined ? undefined : own.memoryMb / flink.memoryMb
  const met = times === undefined ? undefined : times >= timesMin && (memoryTimes ?? 0) <= memoryTimesMax
  return [
    query,
    `${events / 1e6} M`,
    state,
    describe(own),
    flink === undefined ? '' : describe(flink),
    times === undefined ? '' : `${times.toFixed(2)} ×`,
    `${timesMin} ×`,
    memoryTimes === undefined ? '' : `${memoryTimes.toFixed(2)} ×`,
    `${memoryTimesMax} ×`,
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ]
}
