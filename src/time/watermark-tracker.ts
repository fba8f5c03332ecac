// WatermarkTracker: how far event time has come in one split, or in one subtask of an operator.
//
// Owns: the generator, the watermark it has reached. Does not own: when a watermark is sent on, and what others say.
//
// I1. The watermark only grows, also from one restored.

import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { MAX_WATERMARK } from '../record/element.ts'
import { userError, userErrorIn } from '../util/user-error.ts'
import { latestOf, stampBatch } from './stamp-batch.ts'
import type { WatermarkGenerator, WatermarkOutput } from './watermark-generator.ts'
import type { WatermarkStrategy } from './watermark-strategy.ts'

/** Fed with batches; answers them with event times. */
export class WatermarkTracker<T> implements WatermarkOutput {
  readonly #node: string
  readonly #timestampOf: ((record: T) => number) | undefined
  readonly #generator: WatermarkGenerator<T>
  #watermark: number

  constructor(node: string, strategy: WatermarkStrategy<T>, restored: number = Number.NEGATIVE_INFINITY) {
    this.#node = node
    this.#timestampOf = strategy.timestampOf
    this.#generator = strategy.createGenerator()
    this.#watermark = restored
  }

  /** Reached so far, as of the last advance(); -Infinity before anything was. */
  get watermark(): number {
    return this.#watermark
  }

  /** The batch with event times, after the generator has seen it. */
  accept(batch: Batch): Batch {
    const timestampOf = this.#timestampOf
    const stamped = timestampOf === undefined ? batch : stampBatch(this.#node, batch, timestampOf)
    const latest = latestOf(this.#node, stamped)
    if (this.#generator.onLatest === undefined) this.#eachEvent(stamped)
    else this.#generator.onLatest(latest)
    return stamped
  }

  /** Asks the generator; the watermark then. */
  advance(): number {
    try {
      this.#generator.onPeriodicEmit(this)
    } catch (error) {
      throw userErrorIn(this.#node, 'the emission of a watermark', error)
    }
    return this.#watermark
  }

  /** For the generator alone. */
  emitWatermark(timestamp: number): void {
    if (timestamp > this.#watermark && timestamp <= MAX_WATERMARK) this.#watermark = timestamp
    else if (!(timestamp <= MAX_WATERMARK)) {
      const reason = `its watermark generator emitted ${String(timestamp)}, expected milliseconds since the epoch`
      throw new MillraceError('USER_FUNCTION', { node: this.#node, record: 'its input', reason })
    }
  }

  #eachEvent({ values, timestamps }: Batch): void {
    let i = 0
    try {
      for (; i < values.length; i += 1) this.#generator.onEvent(values[i] as T, timestamps?.[i] as number, this)
    } catch (error) {
      throw userError(this.#node, values[i], error)
    }
  }
}
