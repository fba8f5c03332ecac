// AssignTimestampsAndWatermarksOperator: event time that begins in the middle of a job.
//
// Owns: how far event time has come in this subtask, whether it is idle. Does not own: what its inputs say of event time, which ends here.
//
// I1. A watermark goes out behind the records it is about, and only grows, also over a restore.
// I2. One that waits, for records are to fill batches, goes out LINGER_MS later at the latest, and before every barrier.
// I3. Active again before its next record.

import type { Operator, OperatorContext, Output } from '../contract/operator.ts'
import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { EmissionPace } from '../time/emission-pace.ts'
import { IdleWatch } from '../time/idle-watch.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import { WatermarkTracker } from '../time/watermark-tracker.ts'

const LINGER_MS = 10

/** Gives each record its event time, and the stream its watermarks. */
export class AssignTimestampsAndWatermarksOperator<T> implements Operator {
  readonly ownsWatermarks = true
  readonly #node: string
  readonly #strategy: WatermarkStrategy<T>
  readonly #pace = new EmissionPace()
  #tracker!: WatermarkTracker<T>
  #context!: OperatorContext
  #idleWatch: IdleWatch | undefined
  #lastRecord = 0
  #told = Number.NEGATIVE_INFINITY
  #idle = false
  #ended = false
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined

  /** Throws CONFIG_INVALID: only sources can wait for each other. */
  constructor(node: string, strategy: WatermarkStrategy<T>) {
    if (strategy.alignment !== undefined) {
      const reason = 'only sources can wait for each other: give it to flow.from(name, source, { watermarks })'
      throw new MillraceError('CONFIG_INVALID', { path: 'alignment', origin: `node "${node}"`, reason })
    }
    this.#node = node
    this.#strategy = strategy
  }

  open(context: OperatorContext): void {
    const { idleAfterMs } = this.#strategy
    this.#context = context
    const restored = context.restored.map((state) => (state as { watermark: number }).watermark)
    this.#tracker = new WatermarkTracker(this.#node, this.#strategy, least(restored))
    if (idleAfterMs !== undefined) this.#idleWatch = new IdleWatch(idleAfterMs, context.clock)
    // What was reached before a restore is said again, and the watch begins.
    context.wake()
  }

  process(batch: Batch, out: Output): void {
    this.#become(false, out)
    this.#lastRecord = this.#idleWatch?.looks ?? 0
    out.batch(this.#tracker.accept(batch))
    if (this.#pace.batch()) this.#tell(out)
    else this.#wakeIn(LINGER_MS)
  }

  /** The inputs' own; what they say of event time is not passed on. */
  status(idle: boolean, out: Output): void {
    if (idle) this.#tell(out)
    this.#lastRecord = this.#idleWatch?.looks ?? 0
    this.#become(idle, out)
  }

  drain(out: Output): void {
    if (this.#ended) return
    this.#tell(out)
    const watch = this.#idleWatch
    if (watch === undefined || this.#idle) return
    if (watch.look() && watch.isIdleSince(this.#lastRecord)) this.#become(true, out)
    else this.#wakeIn(watch.nextInMs)
  }

  finishEpoch(_checkpoint: number, out: Output): void {
    if (!this.#ended) this.#tell(out)
  }

  /** What was reached with an input that has ended is no beginning for another: a job that ended may be started again. */
  snapshot(): { readonly watermark: number } {
    return { watermark: this.#ended ? Number.NEGATIVE_INFINITY : this.#tracker.watermark }
  }

  endOfInput(): void {
    this.#ended = true
    this.#alarm?.cancel()
  }

  close(): void {
    this.#alarm?.cancel()
  }

  #tell(out: Output): void {
    this.#pace.begin()
    const watermark = this.#tracker.advance()
    if (watermark <= this.#told) return
    this.#told = watermark
    out.watermark(watermark)
  }

  #become(idle: boolean, out: Output): void {
    if (idle === this.#idle) return
    this.#idle = idle
    out.idle(idle)
    if (!idle && this.#idleWatch !== undefined) this.#wakeIn(this.#idleWatch.nextInMs)
  }

  /** Asks for drain() then, or earlier if that is asked for already. */
  #wakeIn(ms: number): void {
    const { clock, wake } = this.#context
    const at = clock.monotonic() + ms
    if (this.#alarm !== undefined && this.#alarm.at <= at) return
    this.#alarm?.cancel()
    const ring = (): void => {
      this.#alarm = undefined
      wake()
    }
    this.#alarm = { at, cancel: clock.schedule(ms, ring) }
  }
}

function least(watermarks: readonly number[]): number | undefined {
  return watermarks.length === 0 ? undefined : Math.min(...watermarks)
}
