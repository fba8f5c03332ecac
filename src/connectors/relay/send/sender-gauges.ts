// The gauges of a sender: what waits, for how long, how fast it goes. By target and stream for a few, and of all.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import type { Cursor } from './cursor.ts'

/** What is looked at. */
export interface MeasuredTarget {
  readonly name: string
  readonly cursors: readonly Cursor[]
  readonly bytesOut: number
  readonly compressionRatio: number
}

const PAIRS_MAX = 50

/** Sets them from time to time. */
export class SenderGauges {
  readonly #context: RuntimeContext
  readonly #targets: readonly MeasuredTarget[]
  #at: number
  #bytesOut = 0

  constructor(context: RuntimeContext, targets: readonly MeasuredTarget[]) {
    this.#context = context
    this.#targets = targets
    this.#at = context.clock.monotonic()
  }

  set(): void {
    const pairs = this.#targets.reduce((sum, { cursors }) => sum + cursors.length, 0)
    const total = { backlogRecords: 0, backlogBytes: 0, lagMs: 0 }
    let bytesOut = 0
    let ratio = 0
    for (const target of this.#targets) {
      for (const cursor of target.cursors) {
        const measured = this.#measure(cursor)
        total.backlogRecords += measured.backlogRecords
        total.backlogBytes += measured.backlogBytes
        total.lagMs = Math.max(total.lagMs, measured.lagMs)
        if (pairs <= PAIRS_MAX) this.#setAll(measured, `{${target.name},${cursor.stream.name.replaceAll(' ', '_')}}`)
      }
      bytesOut += target.bytesOut
      ratio += target.compressionRatio
    }
    const now = this.#context.clock.monotonic()
    const lineBytesPerSecond = now > this.#at ? ((bytesOut - this.#bytesOut) * 1000) / (now - this.#at) : 0
    this.#at = now
    this.#bytesOut = bytesOut
    this.#setAll({ ...total, lineBytesPerSecond, compressionRatio: ratio / this.#targets.length }, '')
  }

  #measure(cursor: Cursor) {
    const { stream, kept, oldestAtMs } = cursor
    return {
      backlogRecords: kept.next >= stream.published ? 0 : Math.max(0, stream.publishedRecords - kept.record),
      backlogBytes: cursor.backlogBytes,
      lagMs: oldestAtMs === undefined ? 0 : Math.max(0, this.#context.clock.now() - oldestAtMs),
      sentSequence: cursor.sequence,
      ackedSequence: kept.next,
    }
  }

  #setAll(values: Readonly<Record<string, number>>, suffix: string): void {
    for (const [name, value] of Object.entries(values)) this.#context.metrics.gauge(name + suffix).set(value)
  }
}
