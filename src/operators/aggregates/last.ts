import type { AggregateFunction } from '../../contract/state.ts'
import { picked } from './picked.ts'
import type { PickedResult } from './values.ts'

/** The last record in stream order; with a selector, the last that is neither null nor undefined, null if there is none. */
export function last<T>(): AggregateFunction<T, NoInfer<T> | null, NoInfer<T>>
export function last<T, V>(selector: (value: T) => V): AggregateFunction<T, V | null, PickedResult<V>>
export function last(
  selector: (value: unknown) => unknown = (value) => value,
): AggregateFunction<unknown, unknown, unknown> {
  return picked(selector, -1)
}
