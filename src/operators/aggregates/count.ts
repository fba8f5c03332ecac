import type { RetractableAggregateFunction } from '../../contract/state.ts'
import { isNull, notAdded } from './values.ts'

/** How many records there are; with a selector, how many where it gives neither null nor undefined. */
export function count<T>(selector?: (value: T) => unknown): RetractableAggregateFunction<T, number, number> {
  const counts = selector === undefined ? () => true : (value: T) => !isNull(selector(value))
  return {
    create: () => 0,
    add: (value, total) => (counts(value) ? total + 1 : total),
    result: (total) => total,
    merge: (a, b) => a + b,
    retract(value, total) {
      if (!counts(value)) return total
      if (total === 0) throw notAdded(value)
      return total - 1
    },
  }
}
