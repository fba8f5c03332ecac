import { MillraceError } from '../errors.ts'
import { type Batch, batchOf } from '../record/batch.ts'
import { MAX_WATERMARK } from '../record/element.ts'
import { renderRecord, userError } from '../util/user-error.ts'
import { isEventTime, notATime } from './event-time.ts'

/** The batch with the event time of each record; `node` is named when one has none that can be used. Throws USER_FUNCTION. */
export function stampBatch<T>(node: string, batch: Batch, timestampOf: (record: T) => number): Batch {
  const values = batch.values as readonly T[]
  const timestamps = new Array<number>(values.length)
  let i = 0
  try {
    for (; i < values.length; i += 1) {
      const timestamp = timestampOf(values[i] as T)
      if (!isEventTime(timestamp)) throw refused(node, values[i], notATime(timestamp))
      timestamps[i] = timestamp
    }
  } catch (error) {
    throw userError(node, values[i], error)
  }
  return batchOf(batch.values, timestamps, batch.keys)
}

/** The latest event time of a batch. Throws USER_FUNCTION for a batch that has none, or one that cannot be used. */
export function latestOf(node: string, { values, timestamps }: Batch): number {
  if (timestamps === undefined) throw refused(node, values[0], WITHOUT_TIME)
  let latest = -MAX_WATERMARK
  for (let i = 0; i < timestamps.length; i += 1) {
    const timestamp = timestamps[i] as number
    if (timestamp > latest) latest = timestamp
    else if (!isEventTime(timestamp)) throw refused(node, values[i], notATime(timestamp))
  }
  if (latest >= MAX_WATERMARK) throw refused(node, values[timestamps.indexOf(latest)], notATime(latest))
  return latest
}

const WITHOUT_TIME =
  'it has no event time: give the watermark strategy timestampOf, or call assignTimestamps(name, timestampOf) before'

function refused(node: string, record: unknown, reason: string): MillraceError {
  return new MillraceError('USER_FUNCTION', { node, record: renderRecord(record), reason })
}
