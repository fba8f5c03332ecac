import type { AggregateFunction } from '../../contract/state.ts'
import { extreme } from './extreme.ts'
import type { Comparable, Null, PickedResult } from './values.ts'

/** The least of what is selected; null and undefined are skipped, of nothing it is null. Throws for NaN. */
export function min<T, V extends Comparable | Null>(
  selector: (value: T) => V,
): AggregateFunction<T, Comparable | null, PickedResult<V>> {
  return extreme(selector, -1)
}
