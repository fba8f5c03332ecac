// Queues that a node keeps on disk, as its gauges tell: backlogRecords, backlogBytes and lagMs, of the line lineBytesPerSecond and
// compressionRatio, of both sides sentSequence and ackedSequence or receivedSequence and readSequence. `name{a,b}` is a part of it. Pure.

import { formatBytes, formatCount, formatDuration } from './format.ts'

type Gauges = Readonly<Record<string, number>>

interface QueuePart {
  /** 'standby main'; undefined: the whole. */
  readonly label: string | undefined
  readonly gauges: Gauges
}

/** More parts than these are only counted: the fullest are shown. */
const PARTS_MAX = 6

/**
 * 'to-west: backlog 12,345 records 3.40 MiB, oldest 2.3s · line 12.0 MiB/s, ratio 3.1 · sent 130, acked 120', then a line for each part if
 * there are several. Nothing for a node without a queue.
 */
export function queueTexts(node: string, gauges: Gauges): readonly string[] {
  if (gauges.backlogRecords === undefined) return []
  const [whole, ...parts] = partsOf(gauges)
  const [only, other] = parts
  if (other === undefined)
    return [joined([node, only?.label], backlogText(gauges), ...detailTexts({ ...only?.gauges, ...whole.gauges }))]
  const shown = [...parts].sort((a, b) => backlogBytes(b) - backlogBytes(a)).slice(0, PARTS_MAX)
  return [
    joined([node], backlogText(gauges), ...detailTexts(whole.gauges)),
    ...shown.map((part) => joined([' ', part.label], backlogText(part.gauges), ...detailTexts(part.gauges))),
    ...(parts.length > PARTS_MAX ? [`  … and ${parts.length - PARTS_MAX} more`] : []),
  ]
}

/** What of a queue a line of a log file says: its length and its age. */
export function queueFields(node: string, { backlogRecords, backlogBytes, lagMs }: Gauges): Record<string, number> {
  if (backlogRecords === undefined) return {}
  return {
    [`${node}.backlog`]: backlogRecords,
    ...(backlogBytes !== undefined && { [`${node}.backlog_bytes`]: backlogBytes }),
    ...(lagMs !== undefined && { [`${node}.lag_ms`]: Math.round(lagMs) }),
  }
}

/** '12,345 wait (3.40 MiB)'; undefined where nothing waits. */
export function waitingText({ backlogRecords = 0, backlogBytes: bytes }: Gauges): string | undefined {
  if (backlogRecords === 0) return undefined
  return `${formatCount(backlogRecords)} wait${bytes === undefined ? '' : ` (${formatBytes(bytes)})`}`
}

/** The whole, then the parts in the order in which the node made them. */
function partsOf(gauges: Gauges): [QueuePart, ...QueuePart[]] {
  const whole: Record<string, number> = {}
  const parts = new Map<string, Record<string, number>>()
  for (const [name, value] of Object.entries(gauges)) {
    const match = /^(\w+)\{(.+)\}$/.exec(name)
    if (match === null) {
      whole[name] = value
      continue
    }
    const label = (match[2] ?? '').replaceAll(',', ' ')
    const part = parts.get(label) ?? {}
    part[match[1] ?? ''] = value
    parts.set(label, part)
  }
  return [{ label: undefined, gauges: whole }, ...[...parts].map(([label, part]) => ({ label, gauges: part }))]
}

function backlogText({ backlogRecords, backlogBytes: bytes, lagMs }: Gauges): string | undefined {
  if (backlogRecords === undefined) return undefined
  if (backlogRecords === 0) return 'backlog none'
  const size = bytes === undefined ? '' : ` ${formatBytes(bytes)}`
  const age = lagMs === undefined ? '' : `, oldest ${formatDuration(lagMs)}`
  return `backlog ${formatCount(backlogRecords)} records${size}${age}`
}

function detailTexts(gauges: Gauges): (string | undefined)[] {
  const { lineBytesPerSecond, compressionRatio, connections } = gauges
  const ratio = compressionRatio === undefined ? '' : `, ratio ${compressionRatio.toFixed(1)}`
  return [
    lineBytesPerSecond === undefined ? undefined : `line ${formatBytes(lineBytesPerSecond)}/s${ratio}`,
    sidesText(gauges),
    connections === undefined ? undefined : `connections ${formatCount(connections)}`,
  ]
}

const SIDES = [
  ['sent', 'sentSequence'],
  ['acked', 'ackedSequence'],
  ['received', 'receivedSequence'],
  ['read', 'readSequence'],
] as const

function sidesText(gauges: Gauges): string | undefined {
  const sides = SIDES.flatMap(([word, name]) => {
    const sequence = gauges[name]
    return sequence === undefined ? [] : [`${word} ${formatCount(sequence)}`]
  })
  return sides.length === 0 ? undefined : sides.join(', ')
}

function joined(head: readonly (string | undefined)[], ...parts: readonly (string | undefined)[]): string {
  const told = parts.filter((part) => part !== undefined).join(' · ')
  return `${head.filter((word) => word !== undefined).join(' ')}: ${told}`
}

function backlogBytes({ gauges }: QueuePart): number {
  return gauges.backlogBytes ?? 0
}
