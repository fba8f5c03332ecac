// Where the windows of a key are, as a window join asks: by the event times of its records, which say it all.

import { MillraceError } from '../errors.ts'
import { type AlignedWindows, checkWindows, type WindowAssigner } from '../time/window.ts'
import { firstTime, placeOf, type TimedList } from './timed-list.ts'

/** Windows of one kind. `lists` are both streams' records of a key; ends up to `passed` have had their time. */
export interface WindowJoinPlan {
  /** Is every window that such a record would be in over? */
  isLate(lists: readonly TimedList[], time: number, passed: number): boolean
  /** Is there a window for such a record? Windows that slide further than they are long leave gaps. */
  hasWindow(time: number): boolean
  /** Before this no window of such a record is over, beside those that are. */
  dueBy(time: number, passed: number): number
  /** The end of the first window with records that is not over; Infinity if there is none. */
  nextEnd(lists: readonly TimedList[], passed: number): number
  /** Where the window that ends there begins. */
  startOf(lists: readonly TimedList[], end: number): number
  /** When the window that ends there is over, records before this time are in no window any more. */
  goneBefore(end: number): number
}

const earliest = (lists: readonly TimedList[]): number => Math.min(...lists.map(firstTime))

/** Tumbling, sliding and cumulative windows: their ends lie on a grid, whatever the records. */
class AlignedPlan implements WindowJoinPlan {
  readonly #windows: AlignedWindows

  constructor(windows: AlignedWindows) {
    this.#windows = windows
  }

  isLate(_lists: readonly TimedList[], time: number, passed: number): boolean {
    return this.#lastEnd(time) <= passed
  }

  hasWindow(time: number): boolean {
    return this.#lastEnd(time) > time
  }

  nextEnd(lists: readonly TimedList[], passed: number): number {
    const time = earliest(lists)
    return time === Number.POSITIVE_INFINITY ? time : this.dueBy(time, passed)
  }

  dueBy(time: number, passed: number): number {
    return Math.max(this.#firstEnd(time), this.#endAfter(passed))
  }

  startOf(_lists: readonly TimedList[], end: number): number {
    const { kind, sizeMs } = this.#windows
    return kind === 'cumulative' ? this.#floor(end - 1, sizeMs) : end - sizeMs
  }

  goneBefore(end: number): number {
    return this.startOf([], end + this.#windows.slideMs)
  }

  /** The end of the first window that such a record is in, if it is in any. */
  #firstEnd(time: number): number {
    const { kind, sizeMs, slideMs } = this.#windows
    return kind === 'cumulative'
      ? this.#floor(time, slideMs) + slideMs
      : this.#floor(time - sizeMs, slideMs) + slideMs + sizeMs
  }

  /** The end of the last window that may hold such a record; not after its time if there is none that does. */
  #lastEnd(time: number): number {
    const { kind, sizeMs, slideMs } = this.#windows
    return this.#floor(time, kind === 'cumulative' ? sizeMs : slideMs) + sizeMs
  }

  /** The first end of any window after `passed`. */
  #endAfter(passed: number): number {
    const { sizeMs, slideMs } = this.#windows
    return this.#floor(passed - sizeMs, slideMs) + slideMs + sizeMs
  }

  #floor(time: number, stepMs: number): number {
    const { offsetMs } = this.#windows
    return Math.floor((time - offsetMs) / stepMs) * stepMs + offsetMs
  }
}

/** Sessions of both streams' records together: each lasts until nothing came on either side for the gap. */
class SessionPlan implements WindowJoinPlan {
  readonly #gapMs: number

  constructor(gapMs: number) {
    this.#gapMs = gapMs
  }

  isLate(lists: readonly TimedList[], time: number, passed: number): boolean {
    return time + this.#gapMs <= passed && !lists.some((list) => this.#joins(list, time))
  }

  hasWindow(): boolean {
    return true
  }

  dueBy(time: number): number {
    return time + this.#gapMs
  }

  nextEnd(lists: readonly TimedList[]): number {
    const places = lists.map(({ from }) => from)
    let end = earliest(lists)
    for (let found = true; found; ) {
      found = false
      for (const [i, { times }] of lists.entries()) {
        for (let at = places[i] as number; at < times.length && (times[at] as number) <= end; at += 1) {
          end = Math.max(end, (times[at] as number) + this.#gapMs)
          places[i] = at + 1
          found = true
        }
      }
    }
    return end
  }

  startOf(lists: readonly TimedList[]): number {
    return earliest(lists)
  }

  goneBefore(end: number): number {
    return end
  }

  /** Is there a record whose session such a one would be in? */
  #joins(list: TimedList, time: number): boolean {
    const place = placeOf(list, time - this.#gapMs, false)
    return place < list.times.length && (list.times[place] as number) <= time + this.#gapMs
  }
}

/** Throws CONFIG_INVALID for windows that a join cannot have. */
export function windowJoinPlan(node: string, windows: WindowAssigner<never>): WindowJoinPlan {
  checkWindows(node, windows)
  const refused = (reason: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', { path: 'the windows of a join', origin: `node "${node}"`, reason })
  if (windows.kind === 'global' || windows.kind === 'count') {
    throw refused(
      `${windows.kind} windows do not end by time: use tumbling, sliding, cumulative or session windows, or .unbounded()`,
    )
  }
  if (windows.processingTime) throw refused('windows of a join are of event time: leave processingTime out')
  if (windows.kind !== 'session') return new AlignedPlan(windows)
  if (typeof windows.gapMs === 'number') return new SessionPlan(windows.gapMs)
  throw refused('the sessions of a join have one gap: give sessionWindows() a number')
}
