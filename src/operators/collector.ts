// BatchCollector: what a user's function emits, gathered into batches.
//
// Owns: the records emitted during the present call and not yet passed on.
// Does not own: batches passed on, the output.
//
// I1. Outside begin()…end() it is empty, and emitting throws: a record emitted later would belong to no epoch.
// I2. Within one output, records leave in the order they were emitted.
// I3. Either all records of a batch have a timestamp or none has.

import type { Output } from '../contract/operator.ts'
import type { Collector, OutputTag } from '../contract/process-function.ts'
import { MillraceError } from '../errors.ts'
import { BATCH_RECORDS, batchOf } from '../record/batch.ts'
import { isEventTime, notATime } from '../time/event-time.ts'

/** The Collector that operators hand to user code; one per operator, used again for every call. */
export class BatchCollector<Out> implements Collector<Out> {
  /** Event time that emit() gives to records: set by the operator before each record. */
  timestamp: number | undefined = undefined
  readonly #node: string
  #out: Output | undefined = undefined
  #values: Out[] = []
  #timestamps: number[] = []
  #timed = false
  // 0 while no call is under way, so that one comparison per record finds both a full batch and a late emit.
  #limit = 0

  constructor(node: string) {
    this.#node = node
  }

  begin(out: Output): void {
    this.#out = out
    this.#limit = BATCH_RECORDS
  }

  /** Passes on what is left. */
  end(): void {
    this.#flush()
    this.#out = undefined
    this.#limit = 0
  }

  emit(value: Out): void {
    this.#add(value, this.timestamp)
  }

  emitAt(value: Out, timestampMs: number): void {
    if (!isEventTime(timestampMs)) throw new RangeError(notATime(timestampMs))
    this.#add(value, timestampMs)
  }

  side<T>(tag: OutputTag<T>, value: T): void {
    this.#output().emit(value, this.timestamp, tag.name)
  }

  #add(value: Out, timestamp: number | undefined): void {
    const timed = timestamp !== undefined
    if (timed !== this.#timed) this.#switchTo(timed)
    if (this.#values.length >= this.#limit) this.#full()
    this.#values.push(value)
    if (timed) this.#timestamps.push(timestamp)
  }

  #full(): void {
    this.#output()
    this.#flush()
  }

  #switchTo(timed: boolean): void {
    this.#flush()
    this.#timed = timed
  }

  #flush(): void {
    if (this.#values.length === 0) return
    const batch = batchOf(this.#values, this.#timed ? this.#timestamps : undefined)
    this.#values = []
    if (this.#timed) this.#timestamps = []
    this.#output().batch(batch)
  }

  #output(): Output {
    if (this.#out !== undefined) return this.#out
    throw new MillraceError('USER_FUNCTION', {
      node: this.#node,
      record: 'an emit after the call',
      reason:
        'a collector is valid during the call it was passed to only; use flow.rx or a source for results that come later',
    })
  }
}
