// Windows as plainly as can be: a list of records for each window of each key, no panes, no timers.

import { at, type Step, watermark } from '../../../../runtime/testing/index.ts'
import type { TimeWindow } from '../../../../src/index.ts'

/** One thing that happens to the windows. */
export type Event =
  | { readonly kind: 'record'; readonly key: number; readonly time: number; readonly id: number }
  | { readonly kind: 'watermark'; readonly time: number }

/** What comes out of a window. */
export interface Fired {
  readonly key: number
  readonly start: number
  readonly end: number
  readonly ids: readonly number[]
}

export interface ModelOptions {
  /** The windows of a time, or undefined for sessions. */
  readonly windowsOf?: (time: number) => readonly TimeWindow[]
  readonly gapMs?: number
  readonly latenessMs: number
}

interface Kept extends TimeWindow {
  readonly key: number
  readonly ids: readonly number[]
}

/** What a script makes of it: results, in the order in which a single key has them, and the ids of late records. */
export function windowModel(events: readonly Event[], options: ModelOptions): { fired: Fired[]; late: number[] } {
  const { latenessMs } = options
  const fired: Fired[] = []
  const late: number[] = []
  let windows: Kept[] = []
  let reached = Number.NEGATIVE_INFINITY
  const fire = ({ key, start, end, ids }: Kept): void => void fired.push({ key, start, end, ids })
  const gone = ({ end }: TimeWindow): boolean => end - 1 + latenessMs <= reached

  for (const event of [...events, { kind: 'watermark', time: Number.MAX_SAFE_INTEGER } as const]) {
    if (event.kind === 'watermark') {
      const before = reached
      reached = Math.max(reached, event.time)
      windows.sort((a, b) => a.end - b.end)
      for (const window of windows) if (window.end - 1 > before && window.end - 1 <= reached) fire(window)
      windows = windows.filter((window) => !gone(window))
      continue
    }
    const { key, time, id } = event
    const into = options.windowsOf?.(time) ?? [session(windows, { key, time, gapMs: options.gapMs ?? 0 })]
    const open = into.filter((window) => !gone(window))
    if (open.length === 0 && into.length > 0) late.push(id)
    for (const { start, end } of open) {
      const within = (one: Kept): boolean => one.key === key && one.start >= start && one.end <= end
      const ids = windows.filter(within).flatMap((one) => one.ids)
      const same = options.windowsOf !== undefined
      const replaced = (one: Kept): boolean => within(one) && (!same || (one.start === start && one.end === end))
      const kept = same ? (windows.find(replaced)?.ids ?? []) : ids
      const window = { key, start, end, ids: [...kept, id].sort((a, b) => a - b) }
      windows = [...windows.filter((one) => !replaced(one)), window]
      if (end - 1 <= reached) fire(window)
    }
  }
  return { fired, late }
}

/** The record's own window, grown by all that it touches. */
function session(
  windows: readonly Kept[],
  { key, time, gapMs }: { readonly key: number; readonly time: number; readonly gapMs: number },
): TimeWindow {
  const touching = windows.filter((one) => one.key === key && one.start <= time + gapMs && time <= one.end)
  return {
    start: Math.min(time, ...touching.map(({ start }) => start)),
    end: Math.max(time + gapMs, ...touching.map(({ end }) => end)),
  }
}

/** The events as the steps of a node test; a record is [key, id]. */
export function stepsOf(events: readonly Event[]): Step[] {
  return events.map((event) =>
    event.kind === 'watermark' ? watermark(event.time) : at(event.time, [event.key, event.id] as const),
  )
}
