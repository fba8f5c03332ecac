import type { NodeMetrics } from '../metrics/node-metrics.ts'
import type { OperatorChain } from './operator-chain.ts'
import type { Shares } from './time-shares.ts'

/** The numbers of every node of a task; its time is shared by all its nodes. */
export function nodeMetrics(chain: OperatorChain, subtask: number, shares: Shares): NodeMetrics[] {
  return chain.nodes.map(({ name, meter, stateBytes }) => ({
    node: name,
    subtask,
    recordsIn: meter.recordsIn,
    recordsOut: meter.recordsOut,
    bytesOut: chain.edges.reduce((sum, edge) => (edge.node === name ? sum + edge.bytesOut : sum), 0),
    ...shares,
    watermark: meter.watermark,
    stateBytes,
    counters: meter.instruments.counters(),
    gauges: meter.instruments.gauges(),
    progress: [...meter.enumeratorProgress, ...meter.readerProgress],
  }))
}
