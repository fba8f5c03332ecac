import type { AggregateFunction } from '../../contract/state.ts'
import { collectList } from './collect-list.ts'
import { isNull } from './values.ts'

/** What first (at 0) and last (at -1) are. Input that only adds needs one value; input that retracts, all of them. */
export function picked(
  selector: (value: unknown) => unknown,
  at: 0 | -1,
): AggregateFunction<unknown, unknown, unknown> {
  return {
    create: () => null,
    add(value, kept) {
      if (at === 0 && kept !== null) return kept
      const selected = selector(value)
      return isNull(selected) ? kept : selected
    },
    result: (kept) => kept,
    merge: (a, b) => (a === null || (b !== null && at === -1) ? b : a),
    retractable() {
      const list = collectList(selector)
      return {
        create: list.create,
        add: (value, kept) => list.add(value, kept as NonNullable<unknown>[]),
        retract: (value, kept) => list.retract(value, kept as NonNullable<unknown>[]),
        result: (kept) => (kept as unknown[]).at(at) ?? null,
        merge: (a, b) => list.merge(a as NonNullable<unknown>[], b as NonNullable<unknown>[]),
      }
    },
  }
}
