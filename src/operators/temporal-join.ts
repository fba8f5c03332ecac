// TemporalJoinOperator: each record of a stream with the version of its key that was valid at its event time.
//
// Owns: by key, the records that wait for their time, and the versions that are or may yet be asked for; one timer per key.
// Does not own: event time (watermarks).
//
// I1. A record joins when the watermark of both streams has reached its time: no version of that time or before is still to come.
// I2. The version valid at a time is the last one whose time is not after it; of two of one time, the one that came last.
// I3. Kept of the versions are the one valid at the watermark and all later ones. A version that says "deleted" is one too.
// I4. A record that comes late joins nothing: it goes to the side output, or is counted. A version that comes late counts from then on.

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
import type { JoinFunction } from './join-type.ts'
import { dropBefore, firstTime, insert, placeOf, sizeOf, type TimedList, timedList } from './timed-list.ts'
import { LateRecords } from './window/late-records.ts'

/** Options of a temporal join. */
export interface TemporalJoinOptions<A, B, Version, Type extends 'inner' | 'left'> {
  /** What a record of the right stream makes valid from its time on; undefined or null: nothing (deleted). Default: itself. */
  readonly version?: (value: B) => Version | undefined | null
  /** Does a record without a version come out? Default inner: no. */
  readonly type?: Type
  /** Where late records of the left stream go. Default: they are counted only (counter lateRecords). */
  readonly lateLeft?: OutputTag<A>
  /** Join at once with the latest version that has come, whatever the event times: results differ from run to run. Default false. */
  readonly processingTime?: boolean
}

/** As the operator sees the options of any temporal join. */
export type AnyTemporalJoinOptions = TemporalJoinOptions<unknown, unknown, unknown, 'inner' | 'left'>

export const TEMPORAL_JOIN_STATE: StateDescriptor = { name: 'versions', kind: 'value', options: {} }

/** What is kept of one key. A version without a value is a deletion. */
interface Kept {
  readonly waiting: TimedList
  readonly versions: TimedList
  /** When the timer is set for; Infinity if there is none. */
  timer: number
}

/** See the head of this file. */
export class TemporalJoinOperator implements Operator {
  readonly #node: string
  readonly #options: AnyTemporalJoinOptions
  readonly #rowOf: JoinFunction
  readonly #late: LateRecords
  readonly #collector: BatchCollector<unknown>
  #keyed: KeyedContext | undefined
  #state: ValueState<Kept> | undefined

  constructor(node: string, options: AnyTemporalJoinOptions, rowOf: JoinFunction) {
    this.#node = node
    this.#options = options
    this.#rowOf = rowOf
    this.#late = new LateRecords(options.lateLeft)
    this.#collector = new BatchCollector(node)
  }

  open(context: OperatorContext): void {
    this.#keyed = present(context.keyed, `keyed context of node "${this.#node}"`)
    this.#state = this.#keyed.register(TEMPORAL_JOIN_STATE) as ValueState<unknown> as ValueState<Kept>
    this.#late.open(context.metrics)
  }

  process(batch: Batch, out: Output, input: number): void {
    const { values } = batch
    const clocked = this.#options.processingTime === true
    const times = clocked ? batch.timestamps : eventTimesOf(this.#node, batch, 'join')
    const keys = present(batch.keys, `keys of a batch for node "${this.#node}"`)
    const keyed = this.#keyed as KeyedContext
    const watermark = keyed.timers.currentWatermark()
    this.#collector.begin(out)
    let i = 0
    try {
      for (; i < values.length; i += 1) {
        keyed.setCurrentKey(keys[i] as Key)
        const time = times?.[i]
        if (clocked) this.#now(values[i], time, input)
        else if (input === 1) this.#version(values[i], time as number, watermark)
        else if ((time as number) <= watermark) this.#late.add(values[i], time as number, out)
        else this.#wait(values[i], time as number)
      }
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
    this.#collector.end()
  }

  onTimer(timestamp: number, _domain: 'event' | 'processing', key: Key, out: Output): void {
    const kept = this.#state?.get()
    if (kept === undefined || kept.timer !== timestamp) return
    const watermark = (this.#keyed as KeyedContext).timers.currentWatermark()
    const { waiting, versions } = kept
    const due = placeOf(waiting, watermark, true)
    this.#collector.begin(out)
    try {
      for (let i = waiting.from; i < due; i += 1) {
        const time = waiting.times[i] as number
        this.#emit(waiting.values[i], versionAt(versions, time), time)
      }
    } catch (error) {
      throw userErrorIn(this.#node, `a record of key ${String(key)} whose time has come`, error)
    }
    this.#collector.end()
    dropBefore(waiting, due)
    forget(versions, watermark)
    kept.timer = Number.POSITIVE_INFINITY
    this.#keep(kept)
  }

  #wait(value: unknown, time: number): void {
    const kept = this.#kept()
    insert(kept.waiting, time, value)
    this.#keep(kept)
  }

  #version(value: unknown, time: number, watermark: number): void {
    const kept = this.#kept()
    insert(kept.versions, time, this.#valueOf(value))
    forget(kept.versions, watermark)
    this.#keep(kept)
  }

  #now(value: unknown, time: number | undefined, input: number): void {
    const kept = this.#kept()
    if (input === 0) {
      this.#emit(value, versionAt(kept.versions, 0), time)
      return
    }
    dropBefore(kept.versions, kept.versions.times.length)
    const version = this.#valueOf(value)
    if (version === undefined) this.#state?.clear()
    else {
      insert(kept.versions, 0, version)
      this.#state?.set(kept)
    }
  }

  #kept(): Kept {
    return this.#state?.get() ?? { waiting: timedList(), versions: timedList(), timer: Number.POSITIVE_INFINITY }
  }

  #valueOf(value: unknown): unknown {
    const { version } = this.#options
    return version === undefined ? value : (version(value) ?? undefined)
  }

  #emit(value: unknown, version: unknown, time: number | undefined): void {
    if (version === undefined && this.#options.type !== 'left') return
    this.#collector.timestamp = time
    this.#collector.emit(this.#rowOf(value, version))
  }

  /** Keeps what is left of a key, and sees to it that the timer fires when something is to be done. */
  #keep(kept: Kept): void {
    const { waiting, versions } = kept
    if (sizeOf(waiting) === 0 && sizeOf(versions) === 0) {
      this.#state?.clear()
      return
    }
    const due = Math.min(firstTime(waiting), firstDeletion(versions))
    const { timers } = this.#keyed as KeyedContext
    if (due < kept.timer) {
      if (kept.timer !== Number.POSITIVE_INFINITY) timers.deleteEventTimeTimer(kept.timer)
      kept.timer = due
      timers.registerEventTimeTimer(due)
    }
    this.#state?.set(kept)
  }
}

/** The version valid at a time; undefined if there is none. */
function versionAt(versions: TimedList, time: number): unknown {
  const place = placeOf(versions, time, true) - 1
  return place < versions.from ? undefined : versions.values[place]
}

/** Drops the versions that no record can ask for any more: those before the one valid at the watermark, and that one if it is a deletion. */
function forget(versions: TimedList, watermark: number): void {
  const valid = placeOf(versions, watermark, true) - 1
  if (valid < versions.from) return
  dropBefore(versions, versions.values[valid] === undefined ? valid + 1 : valid)
}

/** When the last version is a deletion, its time: then the key can be forgotten. */
function firstDeletion(versions: TimedList): number {
  const last = versions.times.length - 1
  return last >= versions.from && versions.values[last] === undefined
    ? (versions.times[last] as number)
    : Number.POSITIVE_INFINITY
}
