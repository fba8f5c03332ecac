import type { Key } from '../util/key-group.ts'
import type { AnyState, StateDescriptor } from './state.ts'

/** Timers of the current key. One per (key, timestamp) and kind; setting it again changes nothing. Kept in checkpoints. */
export interface TimerService {
  /** Ms since the epoch; the event time reached so far (the watermark), or -Infinity. */
  currentWatermark(): number
  /** Ms since the epoch. */
  currentProcessingTime(): number
  /** Fires when the watermark reaches timestampMs. A time already past fires with the next watermark. */
  registerEventTimeTimer(timestampMs: number): void
  /** Fires when the clock reaches timestampMs; after a restore, overdue ones fire at once. */
  registerProcessingTimeTimer(timestampMs: number): void
  deleteEventTimeTimer(timestampMs: number): void
  deleteProcessingTimeTimer(timestampMs: number): void
}

/**
 * Keyed state as an operator sees it. The machine fetches the states of a batch's keys before it calls process(),
 * and of a timer's key before onTimer(): setCurrentKey never waits.
 */
export interface KeyedContext {
  /** Only during open(). Throws STATE_DUPLICATE, STATE_INCOMPATIBLE. */
  register(descriptor: StateDescriptor): AnyState
  setCurrentKey(key: Key): void
  readonly timers: TimerService
}
