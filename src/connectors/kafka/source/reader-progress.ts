// How far the partitions of a reader are read, for people who look.

import type { Gauge } from '../../../contract/runtime-context.ts'
import type { ReaderContext, SourceProgress } from '../../../contract/source-function.ts'
import type { PartitionQueue } from './partition-queue.ts'

const REPORT_MS = 1000

/** Reports at most once a second; partitions that have ended stay. */
export class ReaderProgress {
  readonly #context: ReaderContext
  readonly #lag: Gauge
  readonly #finished = new Map<string, SourceProgress>()
  #nextMs = Number.NEGATIVE_INFINITY

  constructor(context: ReaderContext) {
    this.#context = context
    this.#lag = context.metrics.gauge('lagRecords')
  }

  finished(queue: PartitionQueue): void {
    this.#finished.set(queue.split.id, progressOf(queue))
    this.#nextMs = Number.NEGATIVE_INFINITY
  }

  /** `done` of a partition is its position, `total` where it ends: offsets, of which compaction and transactions leave some out. */
  report(queues: readonly PartitionQueue[]): void {
    const now = this.#context.clock.monotonic()
    if (now < this.#nextMs) return
    this.#nextMs = now + REPORT_MS
    let lag = 0
    for (const { position, end } of queues) lag += Math.max(0, (end ?? position) - position)
    this.#lag.set(lag)
    this.#context.reportProgress([...this.#finished.values(), ...queues.map(progressOf)])
  }
}

function progressOf({ split, position, end }: PartitionQueue): SourceProgress {
  const total = split.stop ?? (end === undefined ? undefined : Math.max(end, position))
  return { item: split.id, done: position, total, unit: 'records' }
}
