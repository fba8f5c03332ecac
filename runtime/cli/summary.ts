import type { RunResult } from '../control/run-types.ts'
import { totalsByNode } from '../metrics/aggregate.ts'
import { lateRecords } from './event-time-line.ts'
import { formatBytes, formatCount, formatDuration } from './format.ts'
import { paint } from './paint.ts'
import { waitingText } from './queue-line.ts'
import type { NodeView, ViewState } from './view-state.ts'

/** What is left on the screen when a run has ended: how, how long, and how many records went through each node. */
export function summaryText(view: ViewState, result: RunResult, color: boolean): string {
  const good = result.state === 'finished' || result.state === 'stopped'
  const head = `${good ? '✓' : '✗'} ${view.job} ${result.state} in ${formatDuration(result.durationMs)}`
  const lines = [paint(good ? 'green' : 'red', head, color), ...nodeLines(view, result), checkpointsLine(view, result)]
  const since = countsSince(view)
  if (since !== undefined) lines.push(`  counts are since ${since}`)
  return `${lines.join('\n')}\n`
}

function nodeLines(view: ViewState, result: RunResult): readonly string[] {
  const totals = totalsByNode(result.metrics)
  const kinds = new Map<string, NodeView['kind']>(view.nodes.map(({ name, kind }) => [name, kind]))
  const rows = totals.map(({ node, recordsIn, recordsOut, counters, gauges }) => ({
    node,
    late: lateRecords(counters) === 0 ? '' : `${formatCount(lateRecords(counters))} late`,
    in: kinds.get(node) === 'source' ? '' : `${formatCount(recordsIn)} in`,
    out: kinds.get(node) === 'sink' ? '' : `${formatCount(recordsOut)} out`,
    waits: waitingText(gauges) ?? '',
  }))
  const width = (pick: 'node' | 'in' | 'out' | 'late'): number => Math.max(0, ...rows.map((row) => row[pick].length))
  const [nodes, ins, outs, lates] = [width('node'), width('in'), width('out'), width('late')]
  return rows.map((row) => {
    const counts = `${row.in.padStart(ins)}  ${row.out.padStart(outs)}  ${row.late.padStart(lates)}  ${row.waits}`
    return `  ${row.node.padEnd(nodes)}  ${counts}`.trimEnd()
  })
}

function checkpointsLine(view: ViewState, { lastCheckpoint }: RunResult): string {
  const parts = [`${view.completeCheckpoints} complete`]
  if (view.failedCheckpoints > 0) parts.push(`${view.failedCheckpoints} failed`)
  if (lastCheckpoint !== undefined) {
    const size = view.lastCheckpoint?.id === lastCheckpoint ? ` (${formatBytes(view.lastCheckpoint.stateBytes)})` : ''
    parts.push(`the last is ${lastCheckpoint}${size}`)
  }
  return `  checkpoints: ${parts.join(', ')} · restarts: ${view.restarts}`
}

/** A restarted or resumed job reads only what lies behind its checkpoint: say so, or the counts seem to miss records. */
function countsSince(view: ViewState): string | undefined {
  const from = view.restoredFrom === undefined ? undefined : `checkpoint ${view.restoredFrom}`
  if (view.restarts === 0) return from
  return `restart ${view.restarts}${from === undefined ? ', which began anew' : `, from ${from}`}`
}
