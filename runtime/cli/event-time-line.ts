import { formatCount, formatDuration } from './format.ts'
import type { NodeView } from './view-state.ts'

/** Beyond it no date can be told: MAX_WATERMARK, the input has ended. */
export const FAR_FUTURE_MS = 8.64e15

/** 'event time 2026-11-21 12:00:03, 4.0s behind · late: windows 12'; undefined for a job without event time. */
export function eventTimeText(nodes: readonly NodeView[], nowMs: number): string | undefined {
  const reached = nodes
    .map(({ totals }) => totals?.watermark)
    .filter((watermark) => watermark !== undefined && Math.abs(watermark) <= FAR_FUTURE_MS)
  const parts = reached.length === 0 ? [] : [`event time ${timeText(Math.min(...(reached as number[])), nowMs)}`]
  const late = nodes.flatMap(({ name, totals }) => lateText(name, totals?.counters ?? {}))
  if (late.length > 0) parts.push(`late: ${late.join(', ')}`)
  return parts.length === 0 ? undefined : parts.join(' · ')
}

/** How many records came too late for a node, as it counts them itself. */
export function lateRecords(counters: Readonly<Record<string, number>>): number {
  return counters.lateRecords ?? 0
}

function lateText(node: string, counters: Readonly<Record<string, number>>): string[] {
  const late = lateRecords(counters)
  return late === 0 ? [] : [`${node} ${formatCount(late)}`]
}

function timeText(watermark: number, nowMs: number): string {
  const date = new Date(watermark).toISOString().replace('T', ' ').slice(0, -5)
  const behindMs = nowMs - watermark
  return `${date}, ${behindMs < 0 ? `${formatDuration(-behindMs)} ahead` : `${formatDuration(behindMs)} behind`}`
}
