// Windows: finite stretches of time into which a stream is cut. Assigners are plain values; the window operators read them.

import { MillraceError } from '../errors.ts'

/** From `start`, inclusive, to `end`, exclusive; ms since the epoch. */
export interface TimeWindow {
  readonly start: number
  readonly end: number
}

/** The one window of global and count windows: all of time. */
export const GLOBAL_WINDOW: TimeWindow = Object.freeze({
  start: Number.MIN_SAFE_INTEGER,
  end: Number.MAX_SAFE_INTEGER,
})

/** The last event time that a window holds: what its results carry. */
export function maxTimestampOf(window: TimeWindow): number {
  return window.end - 1
}

/** Options of all windows of time. */
export interface WindowOptions {
  /** Windows of the machine's clock instead of event time: nothing is late, and results differ from run to run. Default false. */
  readonly processingTime?: boolean
}

/** Options of windows that lie on a grid. */
export interface AlignedWindowOptions extends WindowOptions {
  /** Moves the grid, which otherwise has a line at the epoch: hours(-8) for days that begin at 0:00 in UTC+8. */
  readonly offsetMs?: number
}

/** Windows on a grid, the same for all keys. `slideMs` lies between the ends of two neighbours. */
export interface AlignedWindows {
  readonly kind: 'tumbling' | 'sliding' | 'cumulative'
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
  readonly processingTime: boolean
}

/** A window for each stretch of activity of a key. */
export interface SessionWindows<T = unknown> {
  readonly kind: 'session'
  readonly gapMs: number | ((record: T) => number)
  readonly processingTime: boolean
}

/** One window for each key, which never ends: a trigger says when it gives results. */
export interface GlobalWindows {
  readonly kind: 'global'
  readonly processingTime: boolean
}

/** The last `size` records of a key, each time that there are `slide` more. */
export interface CountWindows {
  readonly kind: 'count'
  readonly size: number
  readonly slide: number
}

/** Says into which windows a record goes. */
export type WindowAssigner<T = unknown> = AlignedWindows | SessionWindows<T> | GlobalWindows | CountWindows

/** Windows of one size, one behind the other: each record is in one. */
export function tumblingWindows(sizeMs: number, options: AlignedWindowOptions = {}): AlignedWindows {
  return aligned('tumbling', sizeMs, sizeMs, options)
}

/** Windows of one size, one begun every `slideMs`: they overlap where that is less than the size, and leave gaps where it is more. */
export function slidingWindows(sizeMs: number, slideMs: number, options: AlignedWindowOptions = {}): AlignedWindows {
  return aligned('sliding', sizeMs, slideMs, options)
}

/** Windows with one begin that grow by `stepMs` until they have `maxSizeMs`: what was there so far today, every hour. */
export function cumulativeWindows(
  maxSizeMs: number,
  stepMs: number,
  options: AlignedWindowOptions = {},
): AlignedWindows {
  return aligned('cumulative', maxSizeMs, stepMs, options)
}

/** A window for each stretch of activity: it ends when nothing came for the gap. The gap may depend on the record. */
export function sessionWindows<T = unknown>(
  gapMs: number | ((record: T) => number),
  { processingTime = false }: WindowOptions = {},
): SessionWindows<T> {
  return { kind: 'session', gapMs, processingTime }
}

/** All records of a key in one window. Gives results only where a trigger says so. */
export function globalWindows(): GlobalWindows {
  return { kind: 'global', processingTime: false }
}

function aligned(
  kind: AlignedWindows['kind'],
  sizeMs: number,
  slideMs: number,
  { offsetMs = 0, processingTime = false }: AlignedWindowOptions,
): AlignedWindows {
  return { kind, sizeMs, slideMs, offsetMs, processingTime }
}

/** About 3,000 years: event times and sizes add up exactly. */
const SIZE_MAX_MS = 1e14

/** Throws CONFIG_INVALID, which names the node and the option, for an assigner that makes no sense. */
export function checkWindows(node: string, assigner: WindowAssigner<never>): void {
  if (assigner.kind === 'global') return
  if (assigner.kind === 'session') {
    if (typeof assigner.gapMs !== 'function') checkDuration(node, 'gapMs of sessionWindows()', assigner.gapMs)
    return
  }
  if (assigner.kind === 'count') {
    checkCount(node, 'size of countWindow()', assigner.size)
    checkCount(node, 'slide of countWindow()', assigner.slide)
    return
  }
  const { kind, sizeMs, slideMs, offsetMs } = assigner
  const of = `of ${kind}Windows()`
  checkDuration(node, `${kind === 'cumulative' ? 'maxSizeMs' : 'sizeMs'} ${of}`, sizeMs)
  checkDuration(node, `${kind === 'cumulative' ? 'stepMs' : 'slideMs'} ${of}`, slideMs)
  if (!Number.isInteger(offsetMs) || Math.abs(offsetMs) > SIZE_MAX_MS)
    throw invalid(node, `offsetMs ${of}`, offsetMs, 'a whole number of milliseconds')
  if (kind === 'cumulative' && sizeMs % slideMs !== 0)
    throw invalid(node, `maxSizeMs ${of}`, sizeMs, `a multiple of stepMs, which is ${slideMs}`)
}

/** Throws CONFIG_INVALID for what is no duration above zero. */
export function checkDuration(node: string, option: string, durationMs: number): void {
  if (Number.isInteger(durationMs) && durationMs > 0 && durationMs <= SIZE_MAX_MS) return
  throw invalid(node, option, durationMs, 'a whole number of milliseconds, more than 0')
}

/** Throws CONFIG_INVALID for what is no count above zero. */
export function checkCount(node: string, option: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return
  throw invalid(node, option, count, 'a whole number, more than 0')
}

function invalid(node: string, path: string, value: unknown, expected: string): MillraceError {
  const reason = `it is ${String(value)}, expected ${expected}`
  return new MillraceError('CONFIG_INVALID', { path, origin: `node "${node}"`, reason })
}
