import type { FlinkResult, ProcessResult, Row } from './scenario.ts'
import { median, noiseOf } from './statistics.ts'

const perSecond = ({ records, seconds }: ProcessResult): number => records / seconds

/** A row in records a second: rounds of ours against rounds of the same work in a plain loop. The goal is judged by the caller. */
export function throughputRow(
  name: string,
  own: readonly ProcessResult[],
  ceiling: readonly ProcessResult[],
  flink: FlinkResult | undefined,
  goal: string,
): Row {
  const ratios = own.map((round, i) => perSecond(round) / perSecond(ceiling[i] ?? round))
  return {
    name,
    unit: 'records/s',
    better: 'higher',
    value: median(own.map(perSecond)),
    ceiling: median(ceiling.map(perSecond)),
    ratio: median(ratios),
    noise: noiseOf(ratios),
    perCpuSecond: median(own.map(({ records, cpuSeconds }) => records / cpuSeconds)),
    memoryMb: Math.max(...own.map(({ memoryMb }) => memoryMb)),
    flink,
    goal,
    met: undefined,
  }
}
