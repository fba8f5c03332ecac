import type { Bench, ProcessResult, Row } from './scenario.ts'

const GOAL_MB = 250

/** A row on the memory a process held at most, less what its cache for state was allowed. */
export function memoryRow(bench: Bench, name: string, own: readonly ProcessResult[], cacheMb: number): Row {
  const peak = Math.max(...own.map(({ memoryMb }) => memoryMb))
  const value = Math.max(0, peak - cacheMb)
  return {
    name: `memory, ${name}`,
    unit: 'MB',
    value,
    better: 'lower',
    memoryMb: peak,
    goal: `${GOAL_MB} MB beside the cache`,
    met: bench.smoke ? undefined : value <= GOAL_MB,
  }
}
