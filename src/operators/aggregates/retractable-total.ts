// A sum that values can be taken out of again, without a trace. Plain data: it is kept in state.

import type { Decimal } from '../../util/decimal.ts'
import { addToExactSum, roundExactSum } from './exact-sum.ts'
import { isNull, type Null, type Numeric, notAdded, numeric, plus, unsafe } from './values.ts'

export interface RetractableTotal {
  /** Numbers as an exact sum; null while nothing is added up. */
  total: number[] | bigint | Decimal | null
  count: number
}

/** Adds a value, unless it is null. */
export function addToTotal(total: RetractableTotal, value: Numeric | Null): RetractableTotal {
  if (isNull(value)) return total
  total.total = combine(total.total, numeric(value))
  total.count += 1
  return total
}

/** Takes a value out again, unless it is null. */
export function retractFromTotal(total: RetractableTotal, value: Numeric | Null): RetractableTotal {
  if (isNull(value)) return total
  if (total.count === 0) throw notAdded(value)
  const taken = numeric(value)
  total.total = combine(total.total, typeof taken === 'object' ? taken.neg() : -taken)
  total.count -= 1
  if (total.count === 0) total.total = null
  return total
}

/** `a` with all of `b` added. */
export function mergeTotals(a: RetractableTotal, b: RetractableTotal): RetractableTotal {
  if (b.total === null) return a
  if (Array.isArray(b.total)) for (const part of b.total) a.total = combine(a.total, part)
  else a.total = combine(a.total, b.total)
  a.count += b.count
  return a
}

/** The sum as the values' own type; null of nothing. */
export function roundTotal({ total }: RetractableTotal): Numeric | null {
  if (!Array.isArray(total)) return total
  const rounded = roundExactSum(total)
  if (Number.isSafeInteger(rounded)) return rounded + 0
  if (Number.isInteger(rounded) && total.every(Number.isInteger)) throw unsafe(rounded)
  if (!Number.isFinite(rounded)) throw new RangeError('the sum is beyond what a number holds')
  return rounded
}

function combine(total: RetractableTotal['total'], value: Numeric): RetractableTotal['total'] {
  if (typeof value === 'number') {
    if (total !== null && !Array.isArray(total)) return plus(total, value) as bigint | Decimal
    const parts = total ?? []
    addToExactSum(parts, value)
    return parts
  }
  if (total === null) return value
  if (Array.isArray(total)) return plus(roundExactSum(total), value) as bigint | Decimal
  return plus(total, value) as bigint | Decimal
}
