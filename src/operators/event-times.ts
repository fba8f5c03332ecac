import { MillraceError } from '../errors.ts'
import type { Batch } from '../record/batch.ts'
import { renderRecord } from '../util/user-error.ts'

/** What to do where records have no event time, by what needs it. */
const ADVICE = {
  join: 'call assignTimestampsAndWatermarks(name, strategy) on its stream before',
  window:
    'give its source a watermark strategy, or call assignTimestamps(name, timestampOf), ' +
    'before the windows; or use windows of processing time ({ processingTime: true })',
} as const

/** The event times of a batch that cannot do without. Throws USER_FUNCTION with what to do. */
export function eventTimesOf(
  node: string,
  { values, timestamps }: Batch,
  wanted: keyof typeof ADVICE,
): readonly number[] {
  if (timestamps !== undefined) return timestamps
  const reason = `it has no event time: ${ADVICE[wanted]}`
  throw new MillraceError('USER_FUNCTION', { node, record: renderRecord(values[0]), reason })
}
