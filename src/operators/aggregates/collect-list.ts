import type { RetractableAggregateFunction } from '../../contract/state.ts'
import { sameValue } from '../../util/same-value.ts'
import { isNull, type Null, notAdded } from './values.ts'

/** All that is selected, or all records, in stream order; null and undefined are skipped. Of equal ones the oldest is taken back. */
export function collectList<T>(): RetractableAggregateFunction<T, NoInfer<T>[], NoInfer<T>[]>
export function collectList<T, V>(
  selector: (value: T) => V,
): RetractableAggregateFunction<T, Exclude<V, Null>[], Exclude<V, Null>[]>
export function collectList(
  selector: (value: unknown) => unknown = (value) => value,
): RetractableAggregateFunction<unknown, unknown[], unknown[]> {
  return {
    create: () => [],
    add(value, list) {
      const selected = selector(value)
      if (!isNull(selected)) list.push(selected)
      return list
    },
    // A copy: what is emitted must not grow afterwards.
    result: (list) => [...list],
    merge: (a, b) => a.concat(b),
    retract(value, list) {
      const selected = selector(value)
      return isNull(selected) ? list : withoutFirst(list, selected)
    },
  }
}

/** The list without the first of what equals the value, in place. */
function withoutFirst(list: unknown[], value: unknown): unknown[] {
  const at = list.findIndex((one) => sameValue(one, value))
  if (at < 0) throw notAdded(value)
  list.splice(at, 1)
  return list
}
