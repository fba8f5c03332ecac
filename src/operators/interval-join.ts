// IntervalJoinOperator: each record of the left stream with those of the right whose event time is near its own.
//
// Owns: the records of both streams, by key, for as long as a partner may come; one timer per key, for the first that goes.
// Does not own: event time (watermarks), what becomes of late records (their side output).
//
// I1. A pair makes one row, when the later of its records comes; its event time is the later of the two.
// I2. A record is let go once the watermark says that no partner of it can come. If it shall come out alone, it does so then, with
//     the end of its interval as its event time: never behind the watermark.
// I3. A record that comes late (its event time is not after the watermark) joins nothing: it goes to its side output, or is counted.

import type { KeyedContext } from '../contract/keyed-context.ts'
import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import type { OutputTag } from '../contract/process-function.ts'
import type { StateDescriptor, ValueState } from '../contract/state.ts'
import type { Batch } from '../record/batch.ts'
import { present } from '../util/assert.ts'
import type { Key } from '../util/key-group.ts'
import { userError, userErrorIn } from '../util/user-error.ts'
import { BatchCollector } from './collector.ts'
import { eventTimesOf } from './event-times.ts'
import { type JoinFunction, type JoinType, keepsLeft, keepsRight } from './join-type.ts'
import { dropBefore, firstTime, insert, placeOf, sizeOf, type TimedList, timedList } from './timed-list.ts'
import { LateRecords } from './window/late-records.ts'

/** Options of an interval join. */
export interface IntervalJoinOptions<A, B, Type extends JoinType> {
  /** Default inner. */
  readonly type?: Type
  /** A record of the right stream at the very lower bound is no partner. Default false. */
  readonly lowerBoundExclusive?: boolean
  /** A record of the right stream at the very upper bound is no partner. Default false. */
  readonly upperBoundExclusive?: boolean
  /** Where late records of the left stream go. Default: they are counted only (counter lateRecords). */
  readonly lateLeft?: OutputTag<A>
  readonly lateRight?: OutputTag<B>
}

/** Between which times after a left record's its right partners are, and the other options. */
export interface Interval {
  readonly lowerMs: number
  readonly upperMs: number
  readonly options: IntervalJoinOptions<unknown, unknown, JoinType>
}

export const INTERVAL_JOIN_STATE: StateDescriptor = { name: 'records', kind: 'value', options: {} }

/** One side's view of the interval: its partners' times are from `lowMs` to `highMs` after a record's own. */
interface Side {
  readonly lowMs: number
  readonly highMs: number
  readonly lowExclusive: boolean
  readonly highExclusive: boolean
  /** Records without a partner come out: they are kept as Waiting. */
  readonly outer: boolean
  readonly late: LateRecords
}

interface Waiting {
  readonly value: unknown
  met: boolean
}

/** What is kept of one key. */
interface Kept {
  readonly left: TimedList
  readonly right: TimedList
  /** When the timer is set for that lets go the next; Infinity if there is none. */
  timer: number
}

/** Inner joins let go this share of the interval later than they could, many records at once. */
const SLACK_SHARE = 1 / 4

/** See the head of this file. */
export class IntervalJoinOperator implements Operator {
  readonly #node: string
  readonly #rowOf: JoinFunction
  readonly #collector: BatchCollector<unknown>
  readonly #left: Side
  readonly #right: Side
  readonly #slackMs: number
  #keyed: KeyedContext | undefined
  #state: ValueState<Kept> | undefined

  constructor(node: string, { lowerMs, upperMs, options }: Interval, rowOf: JoinFunction) {
    this.#node = node
    this.#rowOf = rowOf
    this.#collector = new BatchCollector(node)
    const { type = 'inner', lowerBoundExclusive = false, upperBoundExclusive = false } = options
    this.#left = {
      lowMs: lowerMs,
      highMs: upperMs,
      lowExclusive: lowerBoundExclusive,
      highExclusive: upperBoundExclusive,
      outer: keepsLeft(type),
      late: new LateRecords(options.lateLeft),
    }
    this.#right = {
      lowMs: -upperMs,
      highMs: -lowerMs,
      lowExclusive: upperBoundExclusive,
      highExclusive: lowerBoundExclusive,
      outer: keepsRight(type),
      late: new LateRecords(options.lateRight),
    }
    this.#slackMs = type === 'inner' ? Math.max(1, Math.floor((upperMs - lowerMs) * SLACK_SHARE)) : 0
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(INTERVAL_JOIN_STATE) as ValueState<unknown> as ValueState<Kept>
    for (const { late } of [this.#left, this.#right]) late.open(context.metrics)
  }

  process(batch: Batch, out: Output, input: number): void {
    const { values } = batch
    const times = eventTimesOf(this.#node, batch, 'join')
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const keyed = this.#keyed as KeyedContext
    const watermark = keyed.timers.currentWatermark()
    const collector = this.#collector
    collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        const time = times[i] as number
        if (time <= watermark) (input === 0 ? this.#left : this.#right).late.add(values[i], time, out)
        else {
          keyed.setCurrentKey(keys[i] as Key)
          this.#join(values[i], time, input)
        }
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    collector.end()
  }

  onTimer(timestamp: number, _domain: 'event' | 'processing', key: Key, out: Output): void {
    const kept = this.#state?.get()
    if (kept === undefined || kept.timer !== timestamp) return
    const watermark = (this.#keyed as KeyedContext).timers.currentWatermark()
    this.#collector.begin(out)
    try {
      this.#letGo(this.#left, kept.left, watermark)
      this.#letGo(this.#right, kept.right, watermark)
    } catch (error) {
      throw userErrorIn(this.#node, `a record of key ${String(key)} without a partner`, error)
    }
    this.#collector.end()
    kept.timer = Number.POSITIVE_INFINITY
    if (sizeOf(kept.left) === 0 && sizeOf(kept.right) === 0) this.#state?.clear()
    else {
      this.#expect(kept, Math.min(firstTime(kept.left) + this.#left.highMs, firstTime(kept.right) + this.#right.highMs))
      this.#state?.set(kept)
    }
  }

  #join(value: unknown, time: number, input: number): void {
    const state = this.#state as ValueState<Kept>
    const kept = state.get() ?? { left: timedList(), right: timedList(), timer: Number.POSITIVE_INFINITY }
    const own = input === 0 ? this.#left : this.#right
    const [list, others] = input === 0 ? [kept.left, kept.right] : [kept.right, kept.left]
    const met = this.#meet({ value, time, input }, own, others)
    const end = time + own.highMs
    if (end > (this.#keyed as KeyedContext).timers.currentWatermark()) {
      insert(list, time, own.outer ? { value, met } : value)
      this.#expect(kept, end)
    } else if (own.outer && !met) this.#emitAlone(own, value, time)
    if (sizeOf(list) > 0 || met) state.set(kept)
  }

  /** Makes the rows of a record with all its partners that are there; returns whether there were any. */
  #meet(record: { value: unknown; time: number; input: number }, own: Side, others: TimedList): boolean {
    const { value, time, input } = record
    const end = placeOf(others, time + own.highMs, !own.highExclusive)
    const start = placeOf(others, time + own.lowMs, own.lowExclusive)
    const wrapped = (input === 0 ? this.#right : this.#left).outer
    for (let i = start; i < end; i += 1) {
      let other = others.values[i]
      if (wrapped) {
        const waiting = other as Waiting
        waiting.met = true
        other = waiting.value
      }
      const row = input === 0 ? this.#rowOf(value, other) : this.#rowOf(other, value)
      this.#collector.emitAt(row, Math.max(time, others.times[i] as number))
    }
    return end > start
  }

  /** Removes the records of a side whose interval the watermark has passed. */
  #letGo(side: Side, list: TimedList, watermark: number): void {
    const end = placeOf(list, watermark - side.highMs, true)
    if (end === list.from) return
    for (let i = list.from; side.outer && i < end; i += 1) {
      const { value, met } = list.values[i] as Waiting
      if (!met) this.#emitAlone(side, value, list.times[i] as number)
    }
    dropBefore(list, end)
  }

  #emitAlone(side: Side, value: unknown, time: number): void {
    const row = side === this.#left ? this.#rowOf(value, undefined) : this.#rowOf(undefined, value)
    this.#collector.emitAt(row, Math.max(time, time + side.highMs))
  }

  /** Sees to it that the timer fires at `end`, or by the slack later. */
  #expect(kept: Kept, end: number): void {
    if (kept.timer <= end + 2 * this.#slackMs) return
    const { timers } = this.#keyed as KeyedContext
    if (kept.timer !== Number.POSITIVE_INFINITY) timers.deleteEventTimeTimer(kept.timer)
    kept.timer = end + this.#slackMs
    timers.registerEventTimeTimer(kept.timer)
  }
}
