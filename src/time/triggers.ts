// The triggers that come with Millrace. The continuous ones give the final result too, when the window ends.

import { MillraceError } from '../errors.ts'
import type { Trigger, TriggerContext, TriggerResult } from './trigger.ts'
import { maxTimestampOf, type TimeWindow } from './window.ts'

/** Once when the watermark passes the window's end, and for each record that comes later: what windows of event time do. */
export function eventTimeTrigger(): Trigger {
  return {
    onElement: (_value, _timestamp, window, context) => awaitEnd(window, context, false),
    onEventTime: (timestampMs, window) => (timestampMs === maxTimestampOf(window) ? 'FIRE' : 'CONTINUE'),
    onMerge: (window, context) => void awaitEnd(window, context, false),
  }
}

/** Once when the clock passes the window's end: what windows of processing time do. */
export function processingTimeTrigger(): Trigger {
  return {
    onElement: (_value, _timestamp, window, context) => awaitEnd(window, context, true),
    onProcessingTime: (timestampMs, window) => (timestampMs === window.end ? 'FIRE' : 'CONTINUE'),
    onMerge: (window, context) => void awaitEnd(window, context, true),
  }
}

/** Each time that the window has so many records more. */
export function countTrigger(count: number): Trigger<unknown, number> {
  if (!Number.isSafeInteger(count) || count < 1)
    throw invalid('countTrigger()', 'count', count, 'a whole number, more than 0')
  return {
    onElement(_value, _timestamp, _window, context) {
      context.state = (context.state ?? 0) + 1
      if (context.state < count) return 'CONTINUE'
      context.state = 0
      return 'FIRE'
    },
    onMerge(_window, context, merged) {
      context.state = merged.reduce<number>((sum, state) => sum + (state ?? 0), 0)
    },
  }
}

/** At each multiple of the interval that event time reaches while the window is open, and at its end. */
export function continuousEventTimeTrigger(intervalMs: number): Trigger<unknown, number> {
  checkInterval('continuousEventTimeTrigger()', intervalMs)
  const askFor = (time: number, window: TimeWindow, context: TriggerContext<number>): void => {
    context.state = Math.min(after(time, intervalMs), maxTimestampOf(window))
    context.registerEventTimeTimer(context.state)
  }
  return {
    onElement(_value, timestamp, window, context) {
      const result = awaitEnd(window, context, false)
      if (result === 'CONTINUE' && context.state === undefined) askFor(timestamp ?? window.start, window, context)
      return result
    },
    onEventTime(timestampMs, window, context) {
      if (timestampMs === maxTimestampOf(window)) return 'FIRE'
      if (timestampMs !== context.state) return 'CONTINUE'
      askFor(Math.max(timestampMs, context.currentWatermark()), window, context)
      return 'FIRE'
    },
    onMerge(window, context, merged) {
      awaitEnd(window, context, false)
      const asked = merged.filter((state) => state !== undefined)
      if (asked.length > 0) askFor(Math.min(...asked) - intervalMs, window, context)
    },
  }
}

/** At each multiple of the interval on the clock while the window is open, and at its end. */
export function continuousProcessingTimeTrigger(intervalMs: number): Trigger<unknown, number> {
  checkInterval('continuousProcessingTimeTrigger()', intervalMs)
  const askFor = (context: TriggerContext<number>): void => {
    context.state = after(context.currentProcessingTime(), intervalMs)
    context.registerProcessingTimeTimer(context.state)
  }
  return {
    onElement(_value, _timestamp, window, context) {
      const result = awaitEnd(window, context, context.processingTime)
      if (result === 'CONTINUE' && context.state === undefined) askFor(context)
      return result
    },
    onEventTime: (timestampMs, window) => (timestampMs === maxTimestampOf(window) ? 'FIRE' : 'CONTINUE'),
    onProcessingTime(timestampMs, window, context) {
      if (timestampMs === window.end && context.processingTime) return 'FIRE'
      if (timestampMs !== context.state) return 'CONTINUE'
      askFor(context)
      return 'FIRE'
    },
    onMerge(window, context) {
      awaitEnd(window, context, context.processingTime)
      askFor(context)
    },
  }
}

/** As another trigger, but a window that gives a result forgets its records. */
export function purgingTrigger<T, S>(trigger: Trigger<T, S>): Trigger<T, S> {
  const purging = (result: TriggerResult): TriggerResult => (result === 'FIRE' ? 'FIRE_AND_PURGE' : result)
  const { onMerge } = trigger
  return {
    onElement: (value, timestamp, window, context) => purging(trigger.onElement(value, timestamp, window, context)),
    onEventTime: (time, window, context) => purging(trigger.onEventTime?.(time, window, context) ?? 'CONTINUE'),
    onProcessingTime: (time, window, context) =>
      purging(trigger.onProcessingTime?.(time, window, context) ?? 'CONTINUE'),
    ...(onMerge === undefined ? {} : { onMerge: onMerge.bind(trigger) }),
  }
}

/** FIRE if the window has ended; otherwise a timer for its end. */
function awaitEnd(window: TimeWindow, context: Omit<TriggerContext, 'state'>, processingTime: boolean): TriggerResult {
  if (processingTime) {
    if (window.end <= context.currentProcessingTime()) return 'FIRE'
    context.registerProcessingTimeTimer(window.end)
  } else {
    if (maxTimestampOf(window) <= context.currentWatermark()) return 'FIRE'
    context.registerEventTimeTimer(maxTimestampOf(window))
  }
  return 'CONTINUE'
}

const after = (time: number, intervalMs: number): number => (Math.floor(time / intervalMs) + 1) * intervalMs

function checkInterval(origin: string, intervalMs: number): void {
  if (Number.isSafeInteger(intervalMs) && intervalMs > 0) return
  throw invalid(origin, 'intervalMs', intervalMs, 'a whole number of milliseconds, more than 0')
}

function invalid(origin: string, path: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin, reason: `it is ${String(value)}, expected ${expected}` })
}
