// SlicedWindowOperator: tumbling, sliding and cumulative windows, cut into panes.
//
// A record is added to one accumulator, that of its pane, however many windows it is in. A window's result is merged from its panes
// when it is due; where these are many, from the merges of the window before.
//
//     [due, arrivals, early, pane 1, accumulator 1, pane 2, accumulator 2, …]
//
// Owns: the panes of each key. Does not own: see WindowOperator.
//
// I1. Panes are in the order of their begins; each holds a record at least.
// I2. A pane goes with the last window that holds it.

import type { Output } from '../../contract/operator.ts'
import type { Batch } from '../../record/batch.ts'
import { PaneLayout } from '../../time/pane-layout.ts'
import type { AlignedWindows } from '../../time/window.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError } from '../../util/user-error.ts'
import { eventTimesOf } from '../event-times.ts'
import { RunningWindow } from './running-window.ts'
import { windowError } from './window-emitter.ts'
import { type EndRange, FIRST, NEVER, WindowOperator, type WindowState } from './window-operator.ts'
import type { WindowSpec } from './window-spec.ts'

/** How far the windows of a pane have come: none is due; some are; all are gone; or there never were any. */
const OPEN = 0
const PARTLY_DUE = 1
const LATE = 2
const NO_WINDOW = 3

/** Twice the number of panes in a window from which on merging them all each time would be too much. */
const RUNNING_FROM = 2 * 6

/** See the head of this file. */
export class SlicedWindowOperator extends WindowOperator {
  readonly #layout: PaneLayout
  /** For keys with many panes in a window; gone with the state's array when that leaves the heap. */
  readonly #running = new WeakMap<WindowState, RunningWindow>()

  constructor(spec: WindowSpec, windows: AlignedWindows) {
    super(spec, windows.processingTime)
    this.#layout = new PaneLayout(windows)
  }

  process(batch: Batch, out: Output): void {
    const { values } = batch
    const keys = present(batch.keys, `keys of a batch for node "${this.node}"`)
    const timestamps = this.clocked ? undefined : eventTimesOf(this.node, batch, 'window')
    const now = this.clocked ? this.keyed.timers.currentProcessingTime() : 0
    const passed = this.passed()
    const layout = this.#layout
    let pane = 0
    let paneEnd = Number.NEGATIVE_INFINITY
    let stage = OPEN
    let key: Key | undefined
    let panes: WindowState | undefined
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const time = timestamps === undefined ? now : (timestamps[i] as number)
        // Records of one time come together: most are in the pane of the one before.
        if (!(time < paneEnd && time >= pane)) {
          pane = layout.paneOf(time)
          paneEnd = layout.paneEnd(pane)
          stage = this.#stageOf(pane, passed)
        }
        if (stage >= LATE) {
          if (stage === LATE) this.late.add(values[i], time, out)
          continue
        }
        const next = keys[i] as Key
        if (next !== key) {
          key = next
          this.keyed.setCurrentKey(next)
          panes = this.state.get()
        }
        panes ??= this.#first(pane, passed)
        let at = panes.length - 2
        if (panes[at] !== pane) at = this.#paneAt(panes, pane, passed)
        panes[at + 1] = this.added(panes, values[i], panes[at + 1])
        this.state.set(panes)
        // A pane changed that may have been merged.
        if (stage === PARTLY_DUE) this.#running.delete(panes)
        if (stage === PARTLY_DUE) this.#fireLate(next, panes, { pane, passed }, out)
      }
    } catch (error) {
      throw userError(this.node, values[i], error)
    }
  }

  protected override fire(key: Key, panes: WindowState, { after, upTo, early }: EndRange, out: Output): void {
    const layout = this.#layout
    let end = layout.nextEnd(after)
    let at = FIRST
    for (;;) {
      while (at < panes.length && layout.lastEnd(panes[at] as number) < end) at += 2
      if (at >= panes.length) return
      // Nothing is fired in a gap between panes, however wide.
      end = Math.max(end, layout.firstEnd(panes[at] as number))
      if (end > upTo) return
      this.#emitWindow(key, panes, { at, end, early }, out)
      end = layout.nextEnd(end)
    }
  }

  protected override drop(panes: WindowState, passed: number): void {
    let gone = FIRST
    while (gone < panes.length && this.#layout.lastEnd(panes[gone] as number) + this.latenessMs <= passed) gone += 2
    if (gone > FIRST) panes.splice(FIRST, gone - FIRST)
  }

  protected override nextNeed(panes: WindowState, passed: number): number {
    const oldest = panes[FIRST] as number
    let need = this.#layout.lastEnd(oldest) + this.latenessMs
    for (let at = FIRST; at < panes.length; at += 2) {
      need = Math.min(need, this.#nextNeedOf(panes[at] as number, passed))
      // The windows of later panes end later.
      if (this.#layout.lastEnd(panes[at] as number) > passed) break
    }
    return need
  }

  #stageOf(pane: number, passed: number): number {
    const layout = this.#layout
    const last = layout.lastEnd(pane)
    if (last <= pane) return NO_WINDOW
    if (last + this.latenessMs <= passed) return LATE
    return layout.firstEnd(pane) <= passed ? PARTLY_DUE : OPEN
  }

  #first(pane: number, passed: number): WindowState {
    const panes = this.begun([NEVER, 0, 0, pane, this.fold.create()])
    this.dueBy(panes, this.#nextNeedOf(pane, passed))
    return panes
  }

  /** Where the pane is in the key's state: it is made if it is not there. */
  #paneAt(panes: WindowState, pane: number, passed: number): number {
    let at = panes.length
    while (at > FIRST && (panes[at - 2] as number) > pane) at -= 2
    if (at > FIRST && panes[at - 2] === pane) return at - 2
    if (at === panes.length) panes.push(pane, this.fold.create())
    else panes.splice(at, 0, pane, this.fold.create())
    this.dueBy(panes, this.#nextNeedOf(pane, passed))
    return at
  }

  /** The next end of a window that holds this pane; when there is none, the time when the pane goes. */
  #nextNeedOf(pane: number, passed: number): number {
    const layout = this.#layout
    const last = layout.lastEnd(pane)
    return last > passed ? Math.max(layout.firstEnd(pane), layout.nextEnd(passed)) : last + this.latenessMs
  }

  /** A record came into windows that have fired: those which are not gone fire again. */
  #fireLate(
    key: Key,
    panes: WindowState,
    { pane, passed }: { readonly pane: number; readonly passed: number },
    out: Output,
  ): void {
    const after = Math.max(passed - this.latenessMs, this.#layout.firstEnd(pane) - 1)
    this.fire(key, panes, { after, upTo: Math.min(passed, this.#layout.lastEnd(pane)), early: false }, out)
  }

  #emitWindow(
    key: Key,
    panes: WindowState,
    { at, end, early }: { readonly at: number; readonly end: number; readonly early: boolean },
    out: Output,
  ): void {
    const window = this.windowFrom(this.#layout.windowStart(end), end)
    const last = !early && this.latenessMs === 0 && this.#layout.lastEnd(panes[at] as number) === end
    try {
      this.emit(key, window, this.#accumulated(panes, { at, end, last, early }), out)
    } catch (error) {
      throw windowError(this.node, key, window, error)
    }
  }

  /** Of all panes of the window from the one `at` on, not used again; `last`: that pane is in no window after this. */
  #accumulated(
    panes: WindowState,
    {
      at,
      end,
      last,
      early,
    }: { readonly at: number; readonly end: number; readonly last: boolean; readonly early: boolean },
  ): unknown {
    if (!early && panes.length >= at + RUNNING_FROM && (panes[at + RUNNING_FROM - 2] as number) < end) {
      return this.#runningOf(panes).accumulated(panes, at, end)
    }
    const single = at + 2 >= panes.length || (panes[at + 2] as number) >= end
    if (single && last) return panes[at + 1]
    let accumulated = this.apart(panes[at + 1])
    for (let i = at + 2; i < panes.length && (panes[i] as number) < end; i += 2) {
      accumulated = this.fold.merge(accumulated, panes[i + 1])
    }
    return accumulated
  }

  #runningOf(panes: WindowState): RunningWindow {
    const known = this.#running.get(panes)
    if (known !== undefined) return known
    const running = new RunningWindow(this.fold)
    this.#running.set(panes, running)
    return running
  }
}
