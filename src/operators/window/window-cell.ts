import type { TimerService } from '../../contract/keyed-context.ts'
import type { TriggerContext } from '../../time/trigger.ts'
import type { TimeWindow } from '../../time/window.ts'

/** What is kept of one window of one key, in keyed state. */
export interface WindowCell {
  start: number
  end: number
  /** False: there are no records, or they were forgotten. */
  filled: boolean
  accumulator: unknown
  /** The trigger's own. */
  trigger: unknown
  /** When it is to be called: event times and processing times. */
  readonly event: number[]
  readonly processing: number[]
}

/** A cell without records. */
export function emptyCell({ start, end }: TimeWindow): WindowCell {
  return { start, end, filled: false, accumulator: undefined, trigger: undefined, event: [], processing: [] }
}

/** What a trigger sees of a cell: one object, set anew for each call. */
export class CellContext implements TriggerContext {
  readonly processingTime: boolean
  readonly #timers: TimerService
  #cell: WindowCell = emptyCell({ start: 0, end: 0 })
  /** All cells of the key: they share its timers. */
  #cells: readonly WindowCell[] = []

  constructor(timers: TimerService, processingTime: boolean) {
    this.#timers = timers
    this.processingTime = processingTime
  }

  /** The context, for a cell of the current key. */
  of(cell: WindowCell, cells: readonly WindowCell[]): this {
    this.#cell = cell
    this.#cells = cells
    return this
  }

  get state(): unknown {
    return this.#cell.trigger
  }

  set state(state: unknown) {
    this.#cell.trigger = state
  }

  currentWatermark(): number {
    return this.#timers.currentWatermark()
  }

  currentProcessingTime(): number {
    return this.#timers.currentProcessingTime()
  }

  registerEventTimeTimer(timestampMs: number): void {
    list(this.#cell.event, timestampMs)
    this.#timers.registerEventTimeTimer(timestampMs)
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    list(this.#cell.processing, timestampMs)
    this.#timers.registerProcessingTimeTimer(timestampMs)
  }

  deleteEventTimeTimer(timestampMs: number): void {
    unlist(this.#cell.event, timestampMs)
    if (!this.#cells.some(({ event }) => event.includes(timestampMs))) this.#timers.deleteEventTimeTimer(timestampMs)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    unlist(this.#cell.processing, timestampMs)
    if (this.#cells.some(({ processing }) => processing.includes(timestampMs))) return
    this.#timers.deleteProcessingTimeTimer(timestampMs)
  }

  /** Deletes all timers of the cell, which is not among the key's cells any more, and what the trigger keeps. */
  clear(): void {
    for (const time of [...this.#cell.event]) this.deleteEventTimeTimer(time)
    for (const time of [...this.#cell.processing]) this.deleteProcessingTimeTimer(time)
    this.#cell.trigger = undefined
  }
}

function list(times: number[], time: number): void {
  if (!times.includes(time)) times.push(time)
}

/** Answers whether it was there. */
export function unlist(times: number[], time: number): boolean {
  const at = times.indexOf(time)
  if (at >= 0) times.splice(at, 1)
  return at >= 0
}
