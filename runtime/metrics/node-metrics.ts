import type { SourceProgress } from '../../src/contract/source-function.ts'

/** One node's counters in one subtask since the attempt began; ratios over the last period. */
export interface NodeMetrics {
  readonly node: string
  readonly subtask: number
  readonly recordsIn: number
  readonly recordsOut: number
  readonly bytesOut: number
  /** Parts of the last period, each 0 to 1. */
  readonly busy: number
  readonly backPressured: number
  readonly idle: number
  readonly watermark: number | undefined
  readonly stateBytes: number
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  readonly progress: readonly SourceProgress[]
}
