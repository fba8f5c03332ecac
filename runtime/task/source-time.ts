// SourceTime: event time in one subtask of a source: per split, then what its splits agree on.
//
// Owns: how far each unfinished split has come, which are idle, what was said last.
// Does not own: the records and the splits themselves (the reader), when checkpoints are taken (task).
//
// I1. Event time is the least of the splits that are not idle and have not ended; it only grows (event-time-merge).
// I2. A split goes on from where a checkpoint says it was, whichever subtask reads it now.
// I3. Watermarks go out behind the records they are about: every few batches, when there is nothing to read, before a barrier.
// I4. A split says that it is active again before its next record. While the source does not look, nobody becomes idle, nor does a
//     split that is paused.

import type { Output } from '../../src/contract/operator.ts'
import type { Batch } from '../../src/record/batch.ts'
import { MAX_WATERMARK, type StreamStatus, type Watermark } from '../../src/record/element.ts'
import { EmissionPace } from '../../src/time/emission-pace.ts'
import { IdleWatch } from '../../src/time/idle-watch.ts'
import type { WatermarkStrategy } from '../../src/time/watermark-strategy.ts'
import { WatermarkTracker } from '../../src/time/watermark-tracker.ts'
import type { Clock } from '../../src/util/clock.ts'
import { EventTimeMerge } from './event-time-merge.ts'

interface SplitTime {
  readonly id: string
  readonly tracker: WatermarkTracker<unknown>
  /** The number of looks when its last record came. */
  lastRecord: number
  idle: boolean
}

export interface SourceTimeOptions {
  readonly node: string
  readonly strategy: WatermarkStrategy<unknown>
  readonly clock: Clock
  readonly output: Output
  /** By split. */
  readonly restored: Readonly<Record<string, number>>
  /** The reader says which split a batch is of. */
  readonly perSplit: boolean
}

/** Stands for the source while it has no split, and for all splits of a reader that does not tell them apart. */
const NO_SPLIT = ''

/** See the head of this file. */
export class SourceTime {
  readonly #options: SourceTimeOptions
  readonly #pace = new EmissionPace()
  readonly #splits = new Map<string, SplitTime>()
  readonly #merge = new EventTimeMerge<string>()
  readonly #idleWatch: IdleWatch | undefined
  /** For records that say nothing of how far event time has come: it is not asked. */
  readonly #unordered: WatermarkTracker<unknown>
  /** Splits with records since the last emission. */
  readonly #moved = new Set<SplitTime>()
  /** Ended in the eyes of the reader, whose last batch may still be on its way through poll(). */
  #ending: string[] = []
  #watermark: number | undefined
  #paused: ReadonlySet<string> = new Set()

  constructor(options: SourceTimeOptions) {
    this.#options = options
    const { strategy, clock } = options
    if (strategy.idleAfterMs !== undefined) this.#idleWatch = new IdleWatch(strategy.idleAfterMs, clock)
    this.#unordered = new WatermarkTracker(options.node, strategy)
    this.#add(NO_SPLIT)
  }

  /** How far the split that is furthest behind has come, idle ones aside; -Infinity if all are idle. */
  get least(): number {
    const least = this.#leastActive()
    return least === undefined ? Number.NEGATIVE_INFINITY : least
  }

  /** What others may count on, also if it was not said yet; Infinity if all are idle. */
  get reached(): number {
    const least = this.#leastActive()
    return least === undefined ? Number.POSITIVE_INFINITY : Math.max(least, this.#watermark ?? least)
  }

  /** Splits that are not read for now. */
  get paused(): ReadonlySet<string> {
    return this.#paused
  }

  /** Pauses the splits that have come further than this, and no others; whether that changes anything. */
  pauseBeyond(limit: number): boolean {
    const beyond = [...this.#splits.values()].filter(({ tracker }) => tracker.watermark > limit).map(({ id }) => id)
    if (beyond.length === this.#paused.size && beyond.every((id) => this.#paused.has(id))) return false
    this.#paused = new Set(beyond)
    return true
  }

  /** Ms until look() may find something; undefined if it never does. */
  get nextLookInMs(): number | undefined {
    for (const { idle } of this.#splits.values()) if (!idle) return this.#idleWatch?.nextInMs
    return undefined
  }

  addSplits(ids: readonly string[]): void {
    if (!this.#options.perSplit) return
    for (const id of ids) if (!this.#splits.has(id)) this.#add(id)
    if (ids.length > 0) this.#drop(NO_SPLIT)
  }

  /** The reader has read a split to its end: from behind the batch it gives at this poll, nothing waits for it. */
  endSplit(id: string): void {
    if (this.#options.perSplit) this.#ending.push(id)
  }

  /** Passes on a batch with event times, and what follows from it; of no split, nothing does but that it came. */
  accept(batch: Batch, split: string | undefined): void {
    if (split === undefined && this.#options.perSplit) return this.#acceptUnordered(batch)
    const one = this.#splitOf(split ?? NO_SPLIT)
    one.lastRecord = this.#idleWatch?.looks ?? 0
    if (one.idle) this.#setIdle(one, false)
    this.#options.output.batch(one.tracker.accept(batch))
    one.tracker.advance()
    this.#moved.add(one)
    this.look()
    if (this.#pace.batch() || this.#ending.length > 0) this.tell()
  }

  #acceptUnordered(batch: Batch): void {
    for (const one of this.#splits.values()) {
      one.lastRecord = this.#idleWatch?.looks ?? 0
      if (one.idle) this.#setIdle(one, false)
    }
    this.#options.output.batch(this.#unordered.accept(batch))
    if (this.#ending.length > 0) this.tell()
  }

  /** Says how far event time has come. */
  tell(): void {
    this.#pace.begin()
    for (const split of this.#moved) this.#put(this.#merge.raise(split.id, split.tracker.watermark))
    this.#moved.clear()
    for (const id of this.#ending.splice(0)) this.#end(id)
  }

  /** Finds splits that nothing came from for too long. */
  look(): void {
    const watch = this.#idleWatch
    if (watch === undefined || !watch.look()) return
    this.tell()
    for (const split of this.#splits.values()) {
      if (this.#paused.has(split.id)) split.lastRecord = watch.looks
      if (!split.idle && watch.isIdleSince(split.lastRecord)) this.#setIdle(split, true)
    }
  }

  /** Of every unfinished split, for a checkpoint. */
  watermarks(): Record<string, number> {
    const reached = [...this.#splits.values()].map(({ id, tracker }) => [id, tracker.watermark] as const)
    return Object.fromEntries(
      reached.filter(([, timestamp]) => Number.isFinite(timestamp) && timestamp < MAX_WATERMARK),
    )
  }

  #leastActive(): number | undefined {
    let least: number | undefined
    for (const { idle, tracker } of this.#splits.values()) {
      if (!idle && (least === undefined || tracker.watermark < least)) least = tracker.watermark
    }
    return least
  }

  #splitOf(id: string): SplitTime {
    const known = this.#splits.get(id)
    if (known !== undefined) return known
    this.addSplits([id])
    return this.#splits.get(id) ?? this.#add(id)
  }

  #add(id: string, idle = false): SplitTime {
    const { node, strategy, restored } = this.#options
    const tracker = new WatermarkTracker(node, strategy, restored[id])
    const split = { id, tracker, lastRecord: this.#idleWatch?.looks ?? 0, idle }
    this.#splits.set(id, split)
    for (const signal of this.#merge.add(id, tracker.watermark, idle)) this.#put(signal)
    return split
  }

  #end(id: string): void {
    const split = this.#splits.get(id)
    if (split === undefined) return
    if (this.#splits.size === 1) this.#add(NO_SPLIT, split.idle)
    this.#drop(id)
  }

  #drop(id: string): void {
    const split = this.#splits.get(id)
    if (split === undefined) return
    this.#splits.delete(id)
    this.#moved.delete(split)
    for (const signal of this.#merge.end(id)) this.#put(signal)
  }

  #setIdle(split: SplitTime, idle: boolean): void {
    split.idle = idle
    for (const signal of this.#merge.status(split.id, idle)) this.#put(signal)
  }

  #put(signal: Watermark | StreamStatus | undefined): void {
    if (signal === undefined) return
    if (signal.kind === 'status') return this.#options.output.idle(signal.idle)
    this.#watermark = signal.timestamp
    this.#options.output.watermark(signal.timestamp)
  }
}
