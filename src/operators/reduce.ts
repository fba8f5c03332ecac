import type { AggregateFunction } from '../contract/state.ts'

/** A reduction as an aggregation whose accumulator is the total. There is none before the first record, which becomes it. */
export function reduction<T>(reduce: (total: T, value: T) => T): AggregateFunction<T, T, T> {
  return {
    create: () => undefined as T,
    add: (value, total) => (total === undefined ? value : reduce(total, value)),
    result: (total) => total,
    merge: (a, b) => (a === undefined ? b : b === undefined ? a : reduce(a, b)),
  }
}
