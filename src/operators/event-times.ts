import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { renderRecord } from '../util/user-error.ts'

/** The event times of a batch that cannot do without. Throws USER_FUNCTION with what to do. */
export function eventTimesOf(node: string, batch: Batch): readonly number[] {
  if (batch.timestamps !== undefined) return batch.timestamps
  const record = renderRecord(batch.values[0])
  const reason = 'it has no event time: call assignTimestampsAndWatermarks(name, strategy) on its stream before'
  throw new MillraceError('USER_FUNCTION', { node, record, reason })
}
