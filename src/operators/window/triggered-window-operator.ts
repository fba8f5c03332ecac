// TriggeredWindowOperator: windows of any kind whose results come when a trigger says so.
//
// Each window is a cell of its key's state: the trigger decides about each record in each window, so there is nothing to share.
//
// Owns: the cells of each key and their timers. Does not own: what becomes of a result (emitter), of late records.
//
// I1. A time at which a cell wants to be called is in the cell's list and a timer of the key. A timer that no cell lists does nothing.
// I2. A cell goes when its window is over, lateness allowed for, with all that it keeps; that of a global window stays while it is used.
// I3. Cells of sessions do not touch.

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../../contract/operator.ts'
import type { ValueState } from '../../contract/state.ts'
import type { Batch } from '../../record/batch.ts'
import { MAX_WATERMARK } from '../../record/element.ts'
import { PaneLayout } from '../../time/pane-layout.ts'
import type { Trigger, TriggerResult } from '../../time/trigger.ts'
import {
  type AlignedWindows,
  GLOBAL_WINDOW,
  type GlobalWindows,
  type SessionWindows,
  type TimeWindow,
} from '../../time/window.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError } from '../../util/user-error.ts'
import { eventTimesOf } from '../event-times.ts'
import { LateRecords } from './late-records.ts'
import { sessionGap } from './session-gap.ts'
import { CellContext, emptyCell, unlist, type WindowCell } from './window-cell.ts'
import { refusePromise, type WindowEmitter, windowError } from './window-emitter.ts'
import { WINDOWS_STATE, type WindowFold, type WindowSpec } from './window-spec.ts'

/** All that is kept of one key. */
interface TriggeredState {
  readonly cells: WindowCell[]
  arrivals: number
}

type Triggered = AlignedWindows | SessionWindows<never> | GlobalWindows

/** See the head of this file. */
export class TriggeredWindowOperator implements Operator {
  readonly #node: string
  readonly #fold: WindowFold
  readonly #windows: Triggered
  readonly #layout: PaneLayout | undefined
  readonly #trigger: Trigger
  readonly #clocked: boolean
  readonly #latenessMs: number
  readonly #late: LateRecords
  readonly #emitter: WindowEmitter
  #keyed!: KeyedContext
  #state!: ValueState<TriggeredState>
  #context!: CellContext

  constructor(spec: WindowSpec, windows: Triggered, trigger: Trigger<never>) {
    this.#node = spec.node
    this.#fold = spec.fold
    this.#windows = windows
    this.#layout = windows.kind === 'session' || windows.kind === 'global' ? undefined : new PaneLayout(windows)
    this.#trigger = trigger as Trigger
    this.#clocked = windows.processingTime
    this.#latenessMs = this.#clocked ? 0 : spec.allowedLatenessMs
    this.#late = new LateRecords(spec.lateRecords)
    this.#emitter = spec.createEmitter()
  }

  open(context: OperatorContext): void | Promise<void> {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(WINDOWS_STATE) as ValueState<unknown> as ValueState<TriggeredState>
    this.#context = new CellContext(this.#keyed.timers, this.#clocked)
    this.#late.open(context.metrics)
    return this.#emitter.open?.(context)
  }

  process(batch: Batch, out: Output): void {
    const { values } = batch
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const timed = this.#clocked || this.#windows.kind === 'global'
    const timestamps = timed ? batch.timestamps : eventTimesOf(this.#node, batch, 'window')
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const key = keys[i] as Key
        this.#keyed.setCurrentKey(key)
        this.#add(key, { value: values[i], timestamp: timestamps?.[i] }, out)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }

  onTimer(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void {
    const state = this.#state.get()
    if (state === undefined) return
    for (const cell of [...state.cells]) {
      if (unlist(cell[domain], timestamp)) this.#call(key, state, { cell, timestamp, domain }, out)
    }
    const ended = this.#clocked && domain === 'event' && timestamp === MAX_WATERMARK
    for (const cell of [...state.cells]) {
      // Windows of the clock that are open when the input ends have their results then: nothing is lost.
      if (ended) this.#act(key, cell, { result: 'FIRE', timestamp: undefined }, out)
      if (ended || this.#endsBy(cell, timestamp, domain)) this.#drop(state, cell)
    }
    this.#keep(state)
  }

  close(): void | Promise<void> {
    return this.#emitter.close?.()
  }

  #add(key: Key, record: { readonly value: unknown; readonly timestamp: number | undefined }, out: Output): void {
    const { value, timestamp } = record
    const state = this.#state.get() ?? { cells: [], arrivals: 0 }
    const cells = this.#cellsOf(state, value, timestamp ?? 0)
    if (cells === 'late') return this.#late.add(value, timestamp ?? 0, out)
    const item = this.#fold.numbered === true ? [state.arrivals++, value] : value
    for (const cell of cells) {
      const before = cell.filled ? cell.accumulator : this.#fold.create()
      cell.accumulator = this.#fold.add(item, before)
      cell.filled = true
      refusePromise(cell.accumulator)
      const context = this.#context.of(cell, state.cells)
      const result = this.#trigger.onElement(value, timestamp, windowOf(cell), context)
      this.#act(key, cell, { result, timestamp }, out)
    }
    this.#keep(state)
  }

  /** The cells of the windows that a record goes into, made where they are not there. */
  #cellsOf(state: TriggeredState, value: unknown, eventTime: number): readonly WindowCell[] | 'late' {
    const windows = this.#windows
    if (windows.kind === 'global') return [this.#cellAt(state, GLOBAL_WINDOW)]
    const time = this.#clocked ? this.#keyed.timers.currentProcessingTime() : eventTime
    if (windows.kind === 'session') return this.#session(state, time, time + sessionGap(this.#node, windows, value))
    const all = (this.#layout as PaneLayout).windowsOf(time)
    const open = all.filter((window) => !this.#isGone(window))
    return open.length === 0 && all.length > 0 ? 'late' : open.map((window) => this.#cellAt(state, window))
  }

  #cellAt(state: TriggeredState, window: TimeWindow): WindowCell {
    const found = state.cells.find(({ start, end }) => start === window.start && end === window.end)
    if (found !== undefined) return found
    const cell = emptyCell(window)
    state.cells.push(cell)
    this.#awaitEnd(cell)
    return cell
  }

  #session(state: TriggeredState, start: number, end: number): readonly WindowCell[] | 'late' {
    const touching = state.cells.filter((cell) => cell.start <= end && start <= cell.end)
    const merged = {
      start: Math.min(start, ...touching.map((cell) => cell.start)),
      end: Math.max(end, ...touching.map((cell) => cell.end)),
    }
    if (touching.length === 0) return this.#isGone(merged) ? 'late' : [this.#cellAt(state, merged)]
    const [only] = touching as [WindowCell]
    if (touching.length === 1 && only.start === merged.start && only.end === merged.end) return touching
    const states = touching.map(({ trigger }) => trigger)
    const cell = this.#merged(state, touching, merged)
    this.#trigger.onMerge?.(windowOf(cell), this.#context.of(cell, state.cells), states)
    return [cell]
  }

  #merged(state: TriggeredState, touching: readonly WindowCell[], window: TimeWindow): WindowCell {
    const filled = touching.filter((cell) => cell.filled)
    for (const cell of touching) this.#drop(state, cell)
    const cell = this.#cellAt(state, window)
    for (const { accumulator } of filled) {
      cell.accumulator = cell.filled ? this.#fold.merge(cell.accumulator, accumulator) : accumulator
      cell.filled = true
    }
    return cell
  }

  #call(
    key: Key,
    state: TriggeredState,
    { cell, timestamp, domain }: { readonly cell: WindowCell; readonly timestamp: number; readonly domain: string },
    out: Output,
  ): void {
    const context = this.#context.of(cell, state.cells)
    const trigger = this.#trigger
    try {
      const result =
        domain === 'event'
          ? trigger.onEventTime?.(timestamp, windowOf(cell), context)
          : trigger.onProcessingTime?.(timestamp, windowOf(cell), context)
      this.#act(key, cell, { result, timestamp: domain === 'event' ? timestamp : undefined }, out)
    } catch (error) {
      throw windowError(this.#node, key, cell, error)
    }
  }

  /** Does what the trigger said. A window without records has no result. */
  #act(
    key: Key,
    cell: WindowCell,
    { result, timestamp }: { readonly result: TriggerResult | undefined; readonly timestamp: number | undefined },
    out: Output,
  ): void {
    if ((result === 'FIRE' || result === 'FIRE_AND_PURGE') && cell.filled) {
      this.#emit(key, cell, timestamp, out)
    }
    if (result === 'PURGE' || result === 'FIRE_AND_PURGE') {
      cell.filled = false
      cell.accumulator = undefined
    }
  }

  #emit(key: Key, cell: WindowCell, timestamp: number | undefined, out: Output): void {
    const global = this.#windows.kind === 'global'
    const window = windowOf(cell)
    try {
      // What add() may still change is not handed out.
      const { accumulator } = cell
      const apart = typeof accumulator === 'object' ? this.#fold.merge(this.#fold.create(), accumulator) : accumulator
      this.#emitter.emit(key, window, this.#fold.result(apart), global ? timestamp : cell.end - 1, out)
    } catch (error) {
      throw windowError(this.#node, key, window, error)
    }
  }

  /** A timer for the time when the cell goes. */
  #awaitEnd(cell: WindowCell): void {
    if (this.#windows.kind === 'global') return
    const { timers } = this.#keyed
    if (!this.#clocked) return timers.registerEventTimeTimer(this.#lastUse(cell))
    timers.registerProcessingTimeTimer(cell.end)
    timers.registerEventTimeTimer(MAX_WATERMARK)
  }

  /** The event time at which a window goes. */
  #lastUse({ end }: { readonly end: number }): number {
    return Math.min(end - 1 + this.#latenessMs, MAX_WATERMARK)
  }

  #isGone(window: { readonly end: number }): boolean {
    const { timers } = this.#keyed
    if (this.#windows.kind === 'global') return false
    return this.#clocked
      ? window.end <= timers.currentProcessingTime()
      : this.#lastUse(window) <= timers.currentWatermark()
  }

  /** Not whether it is gone: where time leaps, each of its timers has its turn first. */
  #endsBy(cell: WindowCell, timestamp: number, domain: 'event' | 'processing'): boolean {
    if (this.#windows.kind === 'global' || (domain === 'processing') !== this.#clocked) return false
    return (this.#clocked ? cell.end : this.#lastUse(cell)) <= timestamp
  }

  #drop(state: TriggeredState, cell: WindowCell): void {
    state.cells.splice(state.cells.indexOf(cell), 1)
    this.#context.of(cell, state.cells).clear()
  }

  #keep(state: TriggeredState): void {
    const used = state.cells.some(({ filled, trigger, event, processing }) => {
      return filled || trigger !== undefined || event.length > 0 || processing.length > 0
    })
    if (used || (state.cells.length > 0 && this.#windows.kind !== 'global')) return this.#state.set(state)
    if (this.#clocked) this.#keyed.timers.deleteEventTimeTimer(MAX_WATERMARK)
    this.#state.clear()
  }
}

function windowOf({ start, end }: WindowCell): TimeWindow {
  return { start, end }
}
