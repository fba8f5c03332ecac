// The live view: a state and a size in, lines out. Pure; who draws them is live-screen.ts.

import { EMPTY_WINDOW, etaMs, ratePerSecond } from '../metrics/rate-window.ts'
import { eventTimeText, FAR_FUTURE_MS } from './event-time-line.ts'
import { cutText, formatBytes, formatCount, formatDuration, formatRate, textWidth } from './format.ts'
import { paint } from './paint.ts'
import { queueTexts } from './queue-line.ts'
import { type NodeView, nodeRate, type ViewState } from './view-state.ts'

export interface ViewSize {
  readonly columns: number
  readonly rows: number
  readonly color: boolean
  readonly nowMs: number
}

interface Column {
  readonly title: string
  readonly width: number
  /** Columns with a higher number go first when the terminal is narrow. */
  readonly gives: number
  readonly cell: (node: NodeView, size: ViewSize) => string
}

const BAR_CELLS = 10
/** A lag that fills its column: event times of long ago. */
const LAG_MS_MAX = 999 * 86_400_000

const COLUMNS: readonly Column[] = [
  {
    title: 'in',
    width: 13,
    gives: 2,
    cell: ({ kind, totals }) => countCell(kind === 'source' ? undefined : totals?.recordsIn),
  },
  {
    title: 'out',
    width: 13,
    gives: 1,
    cell: ({ kind, totals }) => countCell(kind === 'sink' ? undefined : totals?.recordsOut),
  },
  {
    title: 'rate/s',
    width: 7,
    gives: 3,
    cell: (node) => (node.totals === undefined ? '' : formatRate(nodeRate(node))),
  },
  { title: 'busy', width: BAR_CELLS + 5, gives: 4, cell: busyCell },
  { title: 'lag', width: 8, gives: 5, cell: lagCell },
  {
    title: 'state',
    width: 9,
    gives: 6,
    cell: ({ totals }) => (totals?.stateBytes ? formatBytes(totals.stateBytes) : ''),
  },
]

/** The view as lines of at most `columns` columns, at most `rows` of them. */
export function renderView(view: ViewState, size: ViewSize): readonly string[] {
  const foot = [
    ...progressLines(view, size),
    ...queueLines(view, size),
    ...eventTimeLines(view, size),
    checkpointLine(view, size),
    ...troubleLines(view, size),
  ]
  const roomForNodes = Math.max(1, size.rows - 2 - foot.length)
  const lines = [headLine(view, size), ...nodeLines(view, size, roomForNodes), ...foot]
  return lines.slice(0, Math.max(1, size.rows))
}

function headLine(view: ViewState, size: ViewSize): string {
  const parts = [`${view.state}${view.restarts > 0 ? ` (attempt ${view.restarts + 1})` : ''}`]
  parts.push(formatDuration(size.nowMs - view.startedAtMs))
  if (view.restoredFrom !== undefined) parts.push(`from checkpoint ${view.restoredFrom}`)
  const line = cutText(`${view.job}  ${parts.join(' · ')}`, size.columns)
  return paint('bold', line.slice(0, view.job.length), size.color) + line.slice(view.job.length)
}

function nodeLines(view: ViewState, size: ViewSize, room: number): readonly string[] {
  const { columns, nameWidth } = layOut(view.nodes, size.columns)
  const title = `${'  node'.padEnd(nameWidth + 2)}${columns.map(({ title, width }) => title.padStart(width + 1)).join('')}`
  const shown = view.nodes.length <= room ? view.nodes : view.nodes.slice(0, Math.max(0, room - 1))
  const lines = shown.map((node) => {
    if (columns.length === 0) return cutText(`  ${node.name}`, size.columns)
    const name = cutText(node.name, nameWidth)
    const cells = columns.map((column) => ` ${padded(column.cell(node, size), column.width)}`)
    return `  ${name}${' '.repeat(nameWidth - textWidth(name))}${cells.join('')}`.trimEnd()
  })
  const hidden = view.nodes.length - shown.length
  const more = hidden > 0 ? [cutText(`  … and ${hidden} more`, size.columns)] : []
  return [paint('dim', cutText(title, size.columns), size.color), ...lines, ...more]
}

/** The columns that fit, and what is left for the names: as much as the longest needs, at least 8. */
function layOut(nodes: readonly NodeView[], width: number): { columns: readonly Column[]; nameWidth: number } {
  const longest = Math.max(8, ...nodes.map(({ name }) => name.length))
  const wanted = Math.min(longest, 32)
  let columns = COLUMNS
  const used = (): number => columns.reduce((sum, column) => sum + column.width + 1, 2)
  while (columns.length > 1 && used() + wanted > width) {
    const first = Math.max(...columns.map(({ gives }) => gives))
    columns = columns.filter(({ gives }) => gives !== first)
  }
  if (used() + 8 > width) columns = []
  return { columns, nameWidth: Math.max(1, Math.min(longest, width - used())) }
}

function countCell(count: number | undefined): string {
  return count === undefined ? '' : formatCount(count)
}

/** `█` busy, `▒` held back by who comes after, `·` idle; then the part of the time that was not idle. */
function busyCell({ totals }: NodeView, { color }: ViewSize): string {
  if (totals === undefined) return ''
  const busy = cells(totals.busy)
  const held = Math.min(BAR_CELLS - busy, cells(totals.backPressured))
  const percent = `${Math.round(Math.min(1, totals.busy + totals.backPressured) * 100)}%`.padStart(5)
  const bar = [paint('green', '█'.repeat(busy), color), paint('red', '▒'.repeat(held), color)]
  return `${bar.join('')}${paint('dim', '·'.repeat(BAR_CELLS - busy - held), color)}${percent}`
}

function cells(part: number): number {
  return Math.max(0, Math.min(BAR_CELLS, Math.round(part * BAR_CELLS)))
}

/** What a source says of its lag, else how far event time is behind the clock. */
function lagCell({ totals }: NodeView, { nowMs }: ViewSize): string {
  const said = totals?.gauges.lagMs
  if (said !== undefined) return formatDuration(said)
  if (totals?.watermark === undefined || !Number.isFinite(totals.watermark)) return ''
  if (totals.watermark > FAR_FUTURE_MS) return 'end'
  const lagMs = nowMs - totals.watermark
  return lagMs > LAG_MS_MAX ? '>999d' : formatDuration(lagMs)
}

function eventTimeLines(view: ViewState, size: ViewSize): readonly string[] {
  const text = eventTimeText(view.nodes, size.nowMs)
  return text === undefined ? [] : [cutText(`  ${text}`, size.columns)]
}

function progressLines(view: ViewState, size: ViewSize): readonly string[] {
  return view.nodes.flatMap((node) =>
    (node.totals?.progress ?? []).map(({ item, done, total, unit }) => {
      const eta = etaMs(done, total, ratePerSecond(node.items.get(item) ?? EMPTY_WINDOW))
      const of = total === undefined ? '' : `/${formatCount(total)}`
      const percent = total === undefined || total <= 0 ? '' : `${Math.min(100, Math.floor((done / total) * 100))}% `
      const rest = eta === undefined ? '' : eta === 0 ? '  done' : `  ETA ${formatDuration(eta)}`
      return cutText(`  ${node.name} ${item}: ${percent}${formatCount(done)}${of} ${unit}${rest}`, size.columns)
    }),
  )
}

function queueLines(view: ViewState, size: ViewSize): readonly string[] {
  return view.nodes.flatMap(({ name, totals }) =>
    queueTexts(name, totals?.gauges ?? {}).map((text) => cutText(`  ${text}`, size.columns)),
  )
}

function checkpointLine(view: ViewState, size: ViewSize): string {
  const { lastCheckpoint: last, pendingCheckpoint: pending } = view
  const parts: string[] = []
  if (last === undefined) parts.push('checkpoint none yet')
  else {
    parts.push(`checkpoint ${last.id} in ${formatDuration((last.endedAt ?? last.startedAt) - last.startedAt)}`)
    parts.push(formatBytes(last.stateBytes), `pause ${formatDuration(last.pauseMs)}`)
    parts.push(`${formatDuration(size.nowMs - (last.endedAt ?? last.startedAt))} ago`)
  }
  if (pending !== undefined) parts.push(`${pending.id} under way for ${formatDuration(size.nowMs - pending.startedAt)}`)
  if (view.failedCheckpoints > 0) parts.push(`${view.failedCheckpoints} failed`)
  return cutText(`  ${parts.join(' · ')}`, size.columns)
}

function troubleLines(view: ViewState, size: ViewSize): readonly string[] {
  if (view.lastFailure === undefined && view.restarts === 0) return []
  const parts = [`restarts ${view.restarts}`]
  if (view.restartAtMs !== undefined) parts.push(`next in ${formatDuration(view.restartAtMs - size.nowMs)}`)
  if (view.lastFailure !== undefined) {
    const { failure, atMs } = view.lastFailure
    parts.push(`last failure ${formatDuration(size.nowMs - atMs)} ago: ${failure.message}`)
  }
  return [paint('red', cutText(`  ${parts.join(' · ')}`, size.columns), size.color)]
}

/** Right-aligned; colour codes take no room. */
function padded(cell: string, width: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are what is not counted
  const visible = textWidth(cell.replaceAll(/\x1b\[\d+m/g, ''))
  return ' '.repeat(Math.max(0, width - visible)) + cell
}
