// SourceAlignment: keeps one subtask of a source from reading far ahead, in event time, of the slowest source of its group.
//
// Owns: whether this subtask is held back, which of its splits are; what it reported last.
// Does not own: how far its splits have come (source-time), how far the group has (control/alignment-groups).
//
// I1. Whoever is the slowest is never held back: it reports no less than what it compares.
// I2. Who is held back has reported exactly how far it has come: others do not wait for an older report.
// I3. A split that has given no record yet is read; idle splits hold nobody back, and neither does a source that has ended.

import type { SourceReader, SourceSplit } from '../../src/contract/source-function.ts'
import type { WatermarkAlignment } from '../../src/time/watermark-strategy.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { SourceTime } from './source-time.ts'

/** Reports of progress are no closer than this, but for those that others may be waiting for. */
const REPORT_EVERY_MS = 5

export interface SourceAlignmentOptions {
  readonly alignment: WatermarkAlignment
  readonly time: SourceTime
  readonly reader: SourceReader<unknown, SourceSplit>
  readonly clock: Clock
  /** Ms of event time; Infinity: waits for nothing, nobody waits for it. */
  readonly report: (group: string, reached: number) => void
}

/** See the head of this file. */
export class SourceAlignment {
  readonly #options: SourceAlignmentOptions
  #least = Number.NEGATIVE_INFINITY
  #heldBack = false
  #reported: number | undefined
  #reportedAt = Number.NEGATIVE_INFINITY

  constructor(options: SourceAlignmentOptions) {
    this.#options = options
  }

  /** Nothing is to be read for now. */
  get heldBack(): boolean {
    return this.#heldBack
  }

  /** How far the slowest of a group is. Whether that changes what is to be read here. */
  hear(group: string, least: number): boolean {
    if (group !== this.#options.alignment.group || least === this.#least) return false
    this.#least = least
    return this.#compare()
  }

  /** A batch was passed on, or a split came or went. */
  moved(): void {
    this.#compare()
    const { clock } = this.#options
    if (this.#heldBack || clock.monotonic() - this.#reportedAt >= REPORT_EVERY_MS) this.reportNow()
  }

  /** Nothing more may come for a while. */
  reportNow(): void {
    this.#report(this.#options.time.reached)
  }

  leave(): void {
    this.#report(Number.POSITIVE_INFINITY)
  }

  #compare(): boolean {
    const { alignment, time, reader } = this.#options
    const limit = this.#least + alignment.maxDriftMs
    const before = this.#heldBack
    this.#heldBack = time.least > limit
    const changed = reader.pauseSplits !== undefined && time.pauseBeyond(limit)
    if (changed) reader.pauseSplits?.(time.paused)
    return changed || before !== this.#heldBack
  }

  #report(reached: number): void {
    this.#reportedAt = this.#options.clock.monotonic()
    if (reached === this.#reported) return
    this.#reported = reached
    this.#options.report(this.#options.alignment.group, reached)
  }
}
