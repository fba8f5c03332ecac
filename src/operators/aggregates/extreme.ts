import type { AggregateFunction } from '../../contract/state.ts'
import { addToCounts, mergeCounts, retractFromCounts, type SortedCounts } from './sorted-counts.ts'
import { type Comparable, comparable, compare, isNull, type Null, type PickedResult } from './values.ts'

/** What min (sign -1) and max (sign 1) are. Input that only adds needs one value; input that retracts, all of them in order. */
export function extreme<T, V extends Comparable | Null>(
  selector: (value: T) => V,
  sign: 1 | -1,
): AggregateFunction<T, Comparable | null, PickedResult<V>> {
  const further = (a: Comparable, b: Comparable): boolean => compare(a, b) * sign > 0
  return {
    create: () => null,
    add(value, best) {
      const selected = selector(value)
      if (isNull(selected)) return best
      const candidate = comparable<Comparable>(selected)
      return best === null || further(candidate, best) ? candidate : best
    },
    result: (best) => best as PickedResult<V>,
    merge: (a, b) => (a === null || (b !== null && further(b, a)) ? b : a),
    retractable: () => ({
      create: (): SortedCounts => ({ values: [], counts: [] }),
      add(value, bag) {
        const selected = selector(value)
        return isNull(selected) ? bag : addToCounts(bag as SortedCounts, selected)
      },
      retract(value, bag) {
        const selected = selector(value)
        return isNull(selected) ? bag : retractFromCounts(bag as SortedCounts, selected)
      },
      result(bag) {
        const { values } = bag as SortedCounts
        return (values.at(sign === 1 ? -1 : 0) ?? null) as PickedResult<V>
      },
      merge: (a, b) => mergeCounts(a as SortedCounts, b as SortedCounts),
    }),
  }
}
