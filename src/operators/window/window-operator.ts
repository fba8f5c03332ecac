// WindowOperator: what operators whose windows end by time have in common: a key's state, its timer, results early and at the end.
//
// The state of a key is one flat array, for it is read and written with each record:
//
//     [due, arrivals, early, … what the kind of windows keeps]
//
// Owns: the head of that array and the timers that belong to it. Does not own: the windows (sub-classes), what becomes of a result
// (emitter) and of late records.
//
// I1. A window has fired if, and only if, its time has come: between two calls no key has a window that is due and has not fired.
// I2. A window that has fired fires again for each record that comes within the allowed lateness, and never after that.
// I3. `due` is the time of the key's timer, and nothing is to be done for the key before it. Timers of other times do nothing.
// I4. A key without windows keeps nothing.
//
// A window is due when the watermark reaches its last millisecond, or when the clock has passed it: a record of that very millisecond
// could still come.

import type { KeyedContext } from '../../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../../contract/operator.ts'
import type { ValueState } from '../../contract/state.ts'
import type { Batch } from '../../record/batch.ts'
import { MAX_WATERMARK } from '../../record/element.ts'
import type { TimeWindow } from '../../time/window.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { LateRecords } from './late-records.ts'
import { refusePromise, type WindowEmitter } from './window-emitter.ts'
import { WINDOWS_STATE, type WindowFold, type WindowSpec } from './window-spec.ts'

/** See the head of this file. */
export type WindowState = unknown[]

/** Where the timer's time is. */
const DUE = 0
/** Where the number of records so far is; counted for functions that see all records. */
const ARRIVALS = 1
/** Where the time of the next early results is; 0: none are asked for. */
const EARLY = 2
/** What is in `due` before there is a timer. */
export const NEVER = Number.POSITIVE_INFINITY
/** Where the windows' own part begins. */
export const FIRST = 3

/** Ends of windows: those after `after`, up to `upTo`. */
export interface EndRange {
  readonly after: number
  readonly upTo: number
  /** The windows are not final. */
  readonly early: boolean
}

/** See the head of this file. */
export abstract class WindowOperator implements Operator {
  protected readonly node: string
  protected readonly fold: WindowFold
  /** Windows of the machine's clock. */
  protected readonly clocked: boolean
  protected readonly latenessMs: number
  protected readonly late: LateRecords
  protected keyed!: KeyedContext
  protected state!: ValueState<WindowState>
  protected everyMs: number | undefined
  /** From the end of a window back to the time when it is due. */
  readonly #backMs: number
  readonly #emitter: WindowEmitter
  #window: TimeWindow = { start: 0, end: Number.NaN }

  constructor(spec: WindowSpec, processingTime: boolean) {
    this.node = spec.node
    this.fold = spec.fold
    this.clocked = processingTime
    this.latenessMs = processingTime ? 0 : spec.allowedLatenessMs
    this.late = new LateRecords(spec.lateRecords)
    this.everyMs = spec.emitEveryMs
    this.#backMs = processingTime ? 0 : 1
    this.#emitter = spec.createEmitter()
  }

  open(context: OperatorContext): void | Promise<void> {
    this.keyed = present(context.keyed, `keyed context of node "${this.node}"`)
    this.state = this.keyed.register(WINDOWS_STATE) as ValueState<unknown> as ValueState<WindowState>
    this.late.open(context.metrics)
    // In batch mode there are final results only.
    if (context.mode === 'batch') this.everyMs = undefined
    return this.#emitter.open?.(context)
  }

  abstract process(batch: Batch, out: Output): void

  onTimer(timestamp: number, domain: 'event' | 'processing', key: Key, out: Output): void {
    const state = this.state.get()
    if (state === undefined) return
    if (domain === 'processing' && timestamp === state[EARLY]) this.#fireEarly(key, state, out)
    // Windows of the clock that are open when the input ends have their results then: nothing is lost.
    if (this.clocked && domain === 'event') this.#fireDue(key, state, Number.POSITIVE_INFINITY, out)
    else if (timestamp === state[DUE] && (domain === 'processing') === this.clocked) {
      this.#fireDue(key, state, this.passed(), out)
    }
  }

  close(): void | Promise<void> {
    return this.#emitter.close?.()
  }

  /** Fires the windows with records whose ends are in the range. */
  protected abstract fire(key: Key, state: WindowState, range: EndRange, out: Output): void
  /** Drops what no window whose end comes after `passed` needs, lateness allowed for. */
  protected abstract drop(state: WindowState, passed: number): void
  /** When something is to be done for the key next, as the end of a window that is due then. There is something left. */
  protected abstract nextNeed(state: WindowState, passed: number): number

  /** Windows that end by then have had their time. */
  protected passed(): number {
    const { timers } = this.keyed
    const now = this.clocked ? timers.currentProcessingTime() : timers.currentWatermark()
    return now >= MAX_WATERMARK ? Number.POSITIVE_INFINITY : now + this.#backMs
  }

  /** The first state of a key, made whole: an array that grows takes much more room than it needs. */
  protected begun(state: WindowState): WindowState {
    if (this.clocked) this.keyed.timers.registerEventTimeTimer(MAX_WATERMARK)
    return state
  }

  /** Sees to it that the key's timer fires by the time when a window with that end is due. */
  protected dueBy(state: WindowState, end: number): void {
    const need = end - this.#backMs
    if (need >= (state[DUE] as number)) return
    const due = Math.min(need, MAX_WATERMARK)
    state[DUE] = due
    if (this.clocked) this.keyed.timers.registerProcessingTimeTimer(due)
    else this.keyed.timers.registerEventTimeTimer(due)
  }

  /** Adds a record to an accumulator. */
  protected added(state: WindowState, value: unknown, before: unknown): unknown {
    const after = this.fold.add(this.fold.numbered === true ? this.#arrived(state, value) : value, before)
    if (after !== before && typeof after === 'object') refusePromise(after)
    if (this.everyMs !== undefined && state[EARLY] === 0) this.#askForEarly(state, this.everyMs)
    return after
  }

  /** The window from `start` to `end`; the same object as long as the same is asked for. */
  protected windowFrom(start: number, end: number): TimeWindow {
    const window = this.#window
    if (window.end === end && window.start === start) return window
    this.#window = Object.freeze({ start, end })
    return this.#window
  }

  /** Puts out the result of a window. The accumulator is not used again. */
  protected emit(key: Key, window: TimeWindow, accumulator: unknown, out: Output): void {
    this.#emitter.emit(key, window, this.fold.result(accumulator), window.end - 1, out)
  }

  /** An accumulator that add() does not change any more, with what is in this one. */
  protected apart(accumulator: unknown): unknown {
    return typeof accumulator === 'object' ? this.fold.merge(this.fold.create(), accumulator) : accumulator
  }

  #arrived(state: WindowState, value: unknown): unknown {
    const number = state[ARRIVALS] as number
    state[ARRIVALS] = number + 1
    return [number, value]
  }

  #askForEarly(state: WindowState, everyMs: number): void {
    const { timers } = this.keyed
    const at = (Math.floor(timers.currentProcessingTime() / everyMs) + 1) * everyMs
    state[EARLY] = at
    timers.registerProcessingTimeTimer(at)
  }

  #fireEarly(key: Key, state: WindowState, out: Output): void {
    state[EARLY] = 0
    this.state.set(state)
    this.fire(key, state, { after: this.passed(), upTo: Number.POSITIVE_INFINITY, early: true }, out)
  }

  /** All windows of the key that became due fire. */
  #fireDue(key: Key, state: WindowState, passed: number, out: Output): void {
    const after = (state[DUE] as number) + this.#backMs - 1
    this.fire(key, state, { after, upTo: passed, early: false }, out)
    this.drop(state, passed)
    if (state.length === FIRST) return this.#forget(state)
    state[DUE] = NEVER
    this.dueBy(state, this.nextNeed(state, passed))
    this.state.set(state)
  }

  #forget(state: WindowState): void {
    const { timers } = this.keyed
    if (this.clocked) timers.deleteEventTimeTimer(MAX_WATERMARK)
    if (this.clocked) timers.deleteProcessingTimeTimer(state[DUE] as number)
    if (state[EARLY] !== 0) timers.deleteProcessingTimeTimer(state[EARLY] as number)
    this.state.clear()
  }
}
