import type { AggregateFunction } from '../../contract/state.ts'
import { extremeBy, type RecordBy, type RecordResult } from './extreme-by.ts'
import type { Comparable, Null } from './values.ts'

/** The record with the greatest of what is selected, of several the first in stream order; null and undefined are skipped. */
export function maxBy<T, V extends Comparable | Null>(
  selector: (value: T) => V,
): AggregateFunction<T, RecordBy<NoInfer<T>> | null, RecordResult<NoInfer<T>, V>> {
  return extremeBy(selector, 1)
}
