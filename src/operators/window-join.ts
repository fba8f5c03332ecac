// WindowJoinOperator: records of two streams that share a key and a window.
//
// Owns: the records of both streams, by key, each once however many windows it is in; one timer per key, for the next window's end.
// Does not own: where windows are (WindowJoinPlan), event time (watermarks).
//
// I1. A window's rows are made when the watermark reaches its last millisecond, all at once: they are final, and have that event time.
// I2. A record is let go with the last window that it is in.
// I3. A record all of whose windows are over joins nothing: it goes to its side output, or is counted.

import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { OutputTag } from '../contract/process-function.ts'
import type { StateDescriptor, ValueState } from '../contract/state.ts'
import type { Batch } from '../record/batch.ts'
import { maxTimestampOf, type TimeWindow } from '../time/window.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userErrorIn } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { eventTimesOf } from './event-times.ts'
import { type JoinType, keepsLeft, keepsRight } from './join-type.ts'
import { dropBefore, insert, placeOf, sizeOf, type TimedList, timedList } from './timed-list.ts'
import { LateRecords } from './window/late-records.ts'
import type { WindowJoinPlan } from './window-join-plan.ts'

/** Options of a window join. */
export interface WindowJoinOptions<A, B, Type extends JoinType> {
  /** Default inner. */
  readonly type?: Type
  /** Where late records of the left stream go. Default: they are counted only (counter lateRecords). */
  readonly lateLeft?: OutputTag<A>
  readonly lateRight?: OutputTag<B>
}

/** Makes a row of two records of a window; a missing one is undefined, which the language shows in the types of its callers only. */
export type WindowJoinFunction = (left: unknown, right: unknown, window: TimeWindow) => unknown

export const WINDOW_JOIN_STATE: StateDescriptor = { name: 'records', kind: 'value', options: {} }

/** What is kept of one key. */
interface Kept {
  /** The left stream's records and the right one's. */
  readonly lists: readonly [TimedList, TimedList]
  /** When the timer is set for; Infinity if there is none. */
  timer: number
}

/** See the head of this file. */
export class WindowJoinOperator implements Operator {
  readonly #node: string
  readonly #plan: WindowJoinPlan
  readonly #rowOf: WindowJoinFunction
  readonly #keepsLeft: boolean
  readonly #keepsRight: boolean
  readonly #late: readonly [LateRecords, LateRecords]
  readonly #collector: BatchCollector<unknown>
  #keyed: KeyedContext | undefined
  #state: ValueState<Kept> | undefined

  constructor(
    node: string,
    plan: WindowJoinPlan,
    options: WindowJoinOptions<unknown, unknown, JoinType>,
    rowOf: WindowJoinFunction,
  ) {
    this.#node = node
    this.#plan = plan
    this.#rowOf = rowOf
    const { type = 'inner', lateLeft, lateRight } = options
    this.#keepsLeft = keepsLeft(type)
    this.#keepsRight = keepsRight(type)
    this.#late = [new LateRecords(lateLeft), new LateRecords(lateRight)]
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(WINDOW_JOIN_STATE) as ValueState<unknown> as ValueState<Kept>
    for (const late of this.#late) late.open(context.metrics)
  }

  process(batch: Batch, out: Output, input: number): void {
    const { values } = batch
    const times = eventTimesOf(this.#node, batch, 'join')
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const keyed = this.#keyed as KeyedContext
    const state = this.#state as ValueState<Kept>
    const plan = this.#plan
    const passed = keyed.timers.currentWatermark() + 1
    for (let i = 0; i < values.length; i += 1) {
      const time = times[i] as number
      keyed.setCurrentKey(keys[i] as Key)
      const kept = state.get() ?? { lists: [timedList(), timedList()], timer: Number.POSITIVE_INFINITY }
      if (!plan.hasWindow(time)) continue
      if (plan.isLate(kept.lists, time, passed)) {
        this.#late[input === 0 ? 0 : 1].add(values[i], time, out)
        continue
      }
      insert(kept.lists[input === 0 ? 0 : 1], time, values[i])
      this.#expect(kept, plan.dueBy(time, passed))
      state.set(kept)
    }
  }

  onTimer(timestamp: number, _domain: 'event' | 'processing', key: Key, out: Output): void {
    const kept = this.#state?.get()
    if (kept === undefined || kept.timer !== timestamp) return
    const { lists } = kept
    const passed = (this.#keyed as KeyedContext).timers.currentWatermark() + 1
    this.#collector.begin(out)
    let end = this.#plan.nextEnd(lists, timestamp)
    try {
      for (; end <= passed; end = this.#plan.nextEnd(lists, end)) {
        this.#fire(lists, { start: this.#plan.startOf(lists, end), end })
        const gone = this.#plan.goneBefore(end)
        for (const list of lists) dropBefore(list, placeOf(list, gone, false))
      }
    } catch (error) {
      throw userErrorIn(this.#node, `the window of key ${String(key)} that ends at ${end}`, error)
    }
    this.#collector.end()
    kept.timer = Number.POSITIVE_INFINITY
    if (lists.every((list) => sizeOf(list) === 0)) this.#state?.clear()
    else {
      this.#expect(kept, end)
      this.#state?.set(kept)
    }
  }

  #fire([left, right]: readonly [TimedList, TimedList], window: TimeWindow): void {
    const [leftStart, leftEnd] = rangeOf(left, window)
    const [rightStart, rightEnd] = rangeOf(right, window)
    const rowOf = this.#rowOf
    const collector = this.#collector
    collector.timestamp = maxTimestampOf(window)
    const noLeft = leftStart === leftEnd
    const noRight = rightStart === rightEnd
    for (let i = leftStart; i < leftEnd; i += 1) {
      for (let j = rightStart; j < rightEnd; j += 1) collector.emit(rowOf(left.values[i], right.values[j], window))
      if (noRight && this.#keepsLeft) collector.emit(rowOf(left.values[i], undefined, window))
    }
    if (!noLeft || !this.#keepsRight) return
    for (let j = rightStart; j < rightEnd; j += 1) collector.emit(rowOf(undefined, right.values[j], window))
  }

  /** Sees to it that the timer fires when a window with that end is over. */
  #expect(kept: Kept, end: number): void {
    const due = end - 1
    if (due >= kept.timer) return
    const { timers } = this.#keyed as KeyedContext
    if (kept.timer !== Number.POSITIVE_INFINITY) timers.deleteEventTimeTimer(kept.timer)
    kept.timer = due
    timers.registerEventTimeTimer(due)
  }
}

function rangeOf(list: TimedList, { start, end }: TimeWindow): [number, number] {
  return [placeOf(list, start, false), placeOf(list, end, false)]
}
