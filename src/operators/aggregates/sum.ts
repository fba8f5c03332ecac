import type { AggregateFunction } from '../../contract/state.ts'
import { addToTotal, mergeTotals, type RetractableTotal, retractFromTotal, roundTotal } from './retractable-total.ts'
import { isNull, type Null, type Numeric, type NumericResult, numeric, plus, plusNumber } from './values.ts'

/**
 * The sum of what is selected: of numbers a number, of bigints a bigint, of Decimals a Decimal. null and undefined are skipped; the
 * sum of nothing is null. Throws rather than rounds: for whole numbers that leave the safe range, for NaN and infinities.
 */
export function sum<T, V extends Numeric | Null>(
  selector: (value: T) => V,
): AggregateFunction<T, Numeric | null, NumericResult<V>> {
  return {
    create: () => null,
    add(value, total) {
      const selected = selector(value)
      if (typeof selected === 'number' && typeof total === 'number') return plusNumber(total, selected)
      if (isNull(selected)) return total
      return total === null ? numeric(selected) : plus(total, numeric(selected))
    },
    result: (total) => total as NumericResult<V>,
    merge: (a, b) => (a === null ? b : b === null ? a : plus(a, b)),
    retractable: () => ({
      create: (): RetractableTotal => ({ total: null, count: 0 }),
      add: (value, total) => addToTotal(total as RetractableTotal, selector(value)),
      retract: (value, total) => retractFromTotal(total as RetractableTotal, selector(value)),
      result: (total) => roundTotal(total as RetractableTotal) as NumericResult<V>,
      merge: (a, b) => mergeTotals(a as RetractableTotal, b as RetractableTotal),
    }),
  }
}
