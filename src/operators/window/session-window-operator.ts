// SessionWindowOperator: a window for each stretch of activity of a key.
//
// A record makes a window from its time to a gap later. Windows that overlap, or touch (a record just when the last one's gap is over),
// are one.
//
//     [due, arrivals, early, start 1, end 1, accumulator 1, start 2, end 2, accumulator 2, …]
//
// Owns: the sessions of each key. Does not own: see WindowOperator.
//
// I1. Sessions are in the order of time and do not touch.
// I2. A session that grows keeps its timer: when that fires too early, it is set anew.

import type { Output } from '../../contract/operator.ts'
import type { Batch } from '../../record/batch.ts'
import type { SessionWindows } from '../../time/window.ts'
import { present } from '../../util/assert.ts'
import type { Key } from '../../util/key-group.ts'
import { userError } from '../../util/user-error.ts'
import { eventTimesOf } from '../event-times.ts'
import { sessionGap } from './session-gap.ts'
import { windowError } from './window-emitter.ts'
import { type EndRange, FIRST, NEVER, WindowOperator, type WindowState } from './window-operator.ts'
import type { WindowSpec } from './window-spec.ts'

const LATE = -1

/** A record's own window, and what has had its time. */
interface Arrival {
  readonly time: number
  readonly end: number
  readonly passed: number
}

/** See the head of this file. */
export class SessionWindowOperator extends WindowOperator {
  readonly #windows: SessionWindows<never>

  constructor(spec: WindowSpec, windows: SessionWindows<never>) {
    super(spec, windows.processingTime)
    this.#windows = windows
  }

  process(batch: Batch, out: Output): void {
    const { values } = batch
    const keys = present(batch.keys, `keys of a batch for node "${this.node}"`)
    const timestamps = this.clocked ? undefined : eventTimesOf(this.node, batch, 'window')
    const now = this.clocked ? this.keyed.timers.currentProcessingTime() : 0
    const passed = this.passed()
    let key: Key | undefined
    let sessions: WindowState | undefined
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const time = timestamps === undefined ? now : (timestamps[i] as number)
        const end = time + sessionGap(this.node, this.#windows, values[i])
        const next = keys[i] as Key
        if (next !== key) {
          key = next
          this.keyed.setCurrentKey(next)
          sessions = this.state.get()
        }
        sessions ??= this.#first({ time, end, passed })
        let at = sessions === undefined ? LATE : sessions.length - 3
        const inLast =
          sessions !== undefined && time >= (sessions[at] as number) && time <= (sessions[at + 1] as number)
        if (sessions !== undefined && !inLast) at = this.#sessionAt(sessions, { time, end, passed })
        if (sessions === undefined || at === LATE) {
          this.late.add(values[i], time, out)
          continue
        }
        if (end > (sessions[at + 1] as number)) {
          sessions[at + 1] = end
          // Where it has fired before, the timer is for its going.
          if (end > passed) this.dueBy(sessions, end)
        }
        sessions[at + 2] = this.added(sessions, values[i], sessions[at + 2])
        this.state.set(sessions)
        // A record within the allowed lateness: the session has fired.
        if ((sessions[at + 1] as number) <= passed) this.#emitSession(next, sessions, { at, last: false }, out)
      }
    } catch (error) {
      throw userError(this.node, values[i], error)
    }
  }

  protected override fire(key: Key, sessions: WindowState, { after, upTo, early }: EndRange, out: Output): void {
    for (let at = FIRST; at < sessions.length; at += 3) {
      const end = sessions[at + 1] as number
      const last = !early && this.latenessMs === 0
      if (end > after && end <= upTo) this.#emitSession(key, sessions, { at, last }, out)
    }
  }

  protected override drop(sessions: WindowState, passed: number): void {
    let gone = FIRST
    while (gone < sessions.length && (sessions[gone + 1] as number) + this.latenessMs <= passed) gone += 3
    if (gone > FIRST) sessions.splice(FIRST, gone - FIRST)
  }

  protected override nextNeed(sessions: WindowState, passed: number): number {
    let need = (sessions[FIRST + 1] as number) + this.latenessMs
    for (let at = FIRST; at < sessions.length; at += 3) {
      const end = sessions[at + 1] as number
      if (end > passed) return Math.min(need, end)
      need = Math.min(need, end + this.latenessMs)
    }
    return need
  }

  /** The state of a key without sessions; undefined if the record's own would be gone. */
  #first({ time, end, passed }: Arrival): WindowState | undefined {
    if (end + this.latenessMs <= passed) return undefined
    const sessions = this.begun([NEVER, 0, 0, time, end, this.fold.create()])
    this.dueBy(sessions, end > passed ? end : end + this.latenessMs)
    return sessions
  }

  /** Where the session of such a record is: a new one, or one made of all that it touches. LATE: nothing is there, and it is gone. */
  #sessionAt(sessions: WindowState, { time, end, passed }: Arrival): number {
    let behind = sessions.length
    while (behind > FIRST && (sessions[behind - 3] as number) > end) behind -= 3
    let at = behind
    while (at > FIRST && (sessions[at - 2] as number) >= time) at -= 3
    if (at === behind) {
      if (end + this.latenessMs <= passed) return LATE
      sessions.splice(at, 0, time, end, this.fold.create())
    } else this.#merge(sessions, { at, behind, time, end })
    const ends = sessions[at + 1] as number
    this.dueBy(sessions, ends > passed ? ends : ends + this.latenessMs)
    return at
  }

  /** Makes one session of those from `at` to before `behind` and of a record's own window. */
  #merge(
    sessions: WindowState,
    {
      at,
      behind,
      time,
      end,
    }: { readonly at: number; readonly behind: number; readonly time: number; readonly end: number },
  ): void {
    const start = Math.min(sessions[at] as number, time)
    const last = Math.max(sessions[behind - 2] as number, end)
    let accumulated = sessions[at + 2]
    for (let i = at + 3; i < behind; i += 3) accumulated = this.fold.merge(accumulated, sessions[i + 2])
    sessions.splice(at, behind - at, start, last, accumulated)
  }

  #emitSession(
    key: Key,
    sessions: WindowState,
    { at, last }: { readonly at: number; readonly last: boolean },
    out: Output,
  ): void {
    const window = this.windowFrom(sessions[at] as number, sessions[at + 1] as number)
    try {
      this.emit(key, window, last ? sessions[at + 2] : this.apart(sessions[at + 2]), out)
    } catch (error) {
      throw windowError(this.node, key, window, error)
    }
  }
}
