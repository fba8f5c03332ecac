import { MillraceError } from '../../errors.ts'
import type { Batch } from '../../record/batch.ts'
import { renderRecord } from '../../util/user-error.ts'

/** The event times of a batch. Throws USER_FUNCTION if its records have none. */
export function eventTimesOf(node: string, { values, timestamps }: Batch): readonly number[] {
  if (timestamps !== undefined) return timestamps
  throw new MillraceError('USER_FUNCTION', {
    node,
    record: renderRecord(values[0]),
    reason:
      'it has no event time: give its source a watermark strategy, or call assignTimestamps(name, timestampOf), ' +
      'before the windows; or use windows of processing time ({ processingTime: true })',
  })
}
