import type { AggregateFunction } from '../../contract/state.ts'
import { picked } from './picked.ts'
import type { PickedResult } from './values.ts'

/** The first record in stream order; with a selector, the first that is neither null nor undefined, null if there is none. */
export function first<T>(): AggregateFunction<T, NoInfer<T> | null, NoInfer<T>>
export function first<T, V>(selector: (value: T) => V): AggregateFunction<T, V | null, PickedResult<V>>
export function first(
  selector: (value: unknown) => unknown = (value) => value,
): AggregateFunction<unknown, unknown, unknown> {
  return picked(selector, 0)
}
