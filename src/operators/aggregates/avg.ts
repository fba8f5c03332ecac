import type { AggregateFunction } from '../../contract/state.ts'
import { Decimal, divideDecimal } from '../../util/decimal.ts'
import { addToTotal, mergeTotals, type RetractableTotal, retractFromTotal, roundTotal } from './retractable-total.ts'
import { isNull, type Null, type Numeric, type NumericResult, numeric, plus } from './values.ts'

export interface AvgOptions {
  /** Digits behind the point of an average of Decimals. Default: as many as the sum has, at least 6. */
  readonly scale?: number
}

export interface AvgAccumulator {
  total: Numeric | null
  count: number
}

const SCALE_MIN = 6

/**
 * The average of what is selected: of numbers a number, of bigints a bigint, cut off towards zero as SQL does for BIGINT, of Decimals a
 * Decimal, rounded half up. null and undefined are skipped; the average of nothing is null. Throws where sum() does.
 */
export function avg<T, V extends Numeric | Null>(
  selector: (value: T) => V,
  options: AvgOptions = {},
): AggregateFunction<T, AvgAccumulator, NumericResult<V>> {
  const average = ({ total, count }: AvgAccumulator): NumericResult<V> =>
    (total === null ? null : divide(total, count, options.scale)) as NumericResult<V>
  return {
    create: () => ({ total: null, count: 0 }),
    add(value, accumulator) {
      const selected = selector(value)
      if (isNull(selected)) return accumulator
      const added = numeric(selected)
      accumulator.total = accumulator.total === null ? added : plus(accumulator.total, added)
      accumulator.count += 1
      return accumulator
    },
    result: average,
    merge(a, b) {
      if (b.total === null) return a
      return { total: a.total === null ? b.total : plus(a.total, b.total), count: a.count + b.count }
    },
    retractable: () => ({
      create: (): RetractableTotal => ({ total: null, count: 0 }),
      add: (value, total) => addToTotal(total as RetractableTotal, selector(value)),
      retract: (value, total) => retractFromTotal(total as RetractableTotal, selector(value)),
      result(accumulator) {
        const total = accumulator as RetractableTotal
        return average({ total: roundTotal(total), count: total.count })
      },
      merge: (a, b) => mergeTotals(a as RetractableTotal, b as RetractableTotal),
    }),
  }
}

function divide(total: Numeric, count: number, scale: number | undefined): Numeric {
  if (typeof total === 'number') return total / count
  if (typeof total === 'bigint') return total / BigInt(count)
  return divideDecimal(total, new Decimal(count), scale ?? Math.max(SCALE_MIN, total.decimalPlaces()))
}
