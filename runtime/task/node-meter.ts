import type { SourceProgress } from '../../src/contract/source-function.ts'
import { SubtaskMetrics } from '../metrics/subtask-metrics.ts'

/** What one subtask of one node has done, in plain fields: counted per batch, never per record. */
export class NodeMeter {
  recordsIn = 0
  recordsOut = 0
  /** What the node said last to its readers; of a sink, what it was told. */
  watermark: number | undefined
  /** What a reader reported last, and what the enumerator beside it did. */
  readerProgress: readonly SourceProgress[] = []
  enumeratorProgress: readonly SourceProgress[] = []
  /** The user's counters and gauges. */
  readonly instruments = new SubtaskMetrics()

  readonly countOut = (records: number): void => {
    this.recordsOut += records
  }

  readonly reached = (timestamp: number): void => {
    this.watermark = timestamp
  }
}
