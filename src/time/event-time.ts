import { MAX_WATERMARK } from '../record/element.ts'

/** Whether this can be the event time of a record: between the ends of event time, in any year. */
export function isEventTime(timestamp: unknown): timestamp is number {
  return typeof timestamp === 'number' && timestamp < MAX_WATERMARK && timestamp > -MAX_WATERMARK
}

/** Why it cannot. */
export function notATime(timestamp: unknown): string {
  return `its event time is ${String(timestamp)}, expected milliseconds since the epoch`
}
