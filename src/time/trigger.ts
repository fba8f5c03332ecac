// Triggers: when a window gives its result, and when it forgets its records.

import type { TimeWindow } from './window.ts'

/** What becomes of the window: nothing, a result, its records forgotten, or a result and then its records forgotten. */
export type TriggerResult = 'CONTINUE' | 'FIRE' | 'PURGE' | 'FIRE_AND_PURGE'

/** What a trigger knows and may ask for, for one window of one key. Valid during the call. */
export interface TriggerContext<S = unknown> {
  /** What the trigger keeps for this window: any value, in checkpoints with the window; undefined at first. */
  state: S | undefined
  /** Are these windows of the machine's clock, not of event time? */
  readonly processingTime: boolean
  currentWatermark(): number
  currentProcessingTime(): number
  /** Calls onEventTime when the watermark reaches timestampMs; one already reached, with the next watermark. */
  registerEventTimeTimer(timestampMs: number): void
  registerProcessingTimeTimer(timestampMs: number): void
  deleteEventTimeTimer(timestampMs: number): void
  deleteProcessingTimeTimer(timestampMs: number): void
}

/**
 * One object for all windows of a node: what it must remember, it keeps in context.state. A window that is dropped takes its state and
 * timers with it.
 */
export interface Trigger<T = unknown, S = unknown> {
  /** A record was added to the window. */
  onElement(value: T, timestamp: number | undefined, window: TimeWindow, context: TriggerContext<S>): TriggerResult
  onEventTime?(timestampMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult
  onProcessingTime?(timestampMs: number, window: TimeWindow, context: TriggerContext<S>): TriggerResult
  /**
   * Sessions have become one: the new one's state is undefined and it has no timers; `merged` are the states of those it is made of.
   * Absent: the trigger cannot be used with session windows.
   */
  onMerge?(window: TimeWindow, context: TriggerContext<S>, merged: readonly (S | undefined)[]): void
}
