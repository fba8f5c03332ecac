// Decimal: exact decimal numbers, as SQL's DECIMAL. decimal.js, in a class of our own: nobody's configuration changes it.

import { Decimal as Base } from 'decimal.js'

/** Digits that a result is exact to: the sum of 10^16 products of two DECIMAL(65,30) fits. */
const DECIMAL_DIGITS = 160

const TAG = '[object Decimal]'
const WORD_DIGITS = 7
/** Plain notation up to here; beyond, an exponent: a short text must not name a gigabyte of zeros. */
const PLAIN_DIGITS = 1000

/** How a digit that is dropped changes the one before it: `half-up` is away from zero at a half, as SQL rounds. */
export type DecimalRounding = 'half-up' | 'half-even' | 'up' | 'down' | 'floor' | 'ceiling'

const ROUNDINGS: Readonly<Record<DecimalRounding, Base.Rounding>> = {
  'half-up': Base.ROUND_HALF_UP,
  'half-even': Base.ROUND_HALF_EVEN,
  up: Base.ROUND_UP,
  down: Base.ROUND_DOWN,
  floor: Base.ROUND_FLOOR,
  ceiling: Base.ROUND_CEIL,
}

const CONFIGURATION = { defaults: true, precision: DECIMAL_DIGITS, toExpNeg: -PLAIN_DIGITS, toExpPos: PLAIN_DIGITS }

/** Exact decimal numbers: results keep 160 digits, rounded half up. `Decimal.clone({ … })` makes a class configured otherwise. */
export const Decimal: typeof Base = Object.assign(Base.clone(CONFIGURATION), { set: refuseSet, config: refuseSet })
/** An exact decimal number; immutable. */
export type Decimal = Base

/** Quotients cut off, not rounded, to the digits that are asked for: see divideDecimal(). */
const Quotient = Base.clone({ ...CONFIGURATION, rounding: Base.ROUND_DOWN })

function refuseSet(): never {
  throw new TypeError('Decimal of millrace cannot be configured: Decimal.clone({ … }) makes a class of your own')
}

/** True for a Decimal of ours, of the user's, or of another copy of decimal.js; not for data that only looks like one. */
export function isDecimal(value: unknown): value is Decimal {
  if (value instanceof Base) return true
  if (typeof value !== 'object' || value === null) return false
  return (value as { toStringTag?: unknown }).toStringTag === TAG && !Object.hasOwn(value, 'toStringTag')
}

/** The same number as a Decimal of our class: itself, if it is one. */
export function ourDecimal(value: Decimal): Decimal {
  return value.constructor === Decimal ? value : new Decimal(value)
}

/** All digits, in one notation for one number, whoever's class it is of; -0 is '0'. */
export function decimalText(value: Decimal): string {
  return ourDecimal(value).toString()
}

/** a + b. Throws RangeError if the sum has more digits than a Decimal keeps: it never rounds. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const sum = ourDecimal(a).plus(b)
  if (spanOf(a, b) <= DECIMAL_DIGITS || !sum.isFinite()) return sum
  throw new RangeError(`the sum of Decimals would take more than ${DECIMAL_DIGITS} digits: round what is added`)
}

/** The value with `scale` digits behind the point. */
export function roundDecimal(value: Decimal, scale: number, rounding: DecimalRounding = 'half-up'): Decimal {
  return ourDecimal(value).toDecimalPlaces(scale, ROUNDINGS[rounding])
}

/** a / b with `scale` digits behind the point, rounded once. */
export function divideDecimal(a: Decimal, b: Decimal, scale: number, rounding: DecimalRounding = 'half-up'): Decimal {
  if (!a.isFinite() || !b.isFinite() || b.isZero()) return ourDecimal(a).div(b)
  // Leaves scale + 1 or scale + 2 digits behind the point.
  const cut = cutQuotient(a, b, a.e - b.e + scale + 2)
  // One more digit tells whether something was cut off, which is all that rounding asks of the rest.
  const rest = cut.times(b).eq(a) ? 0 : a.isNegative() === b.isNegative() ? 1 : -1
  const marked = cut.plus(new Decimal(rest).times(new Decimal(10).pow(-scale - 3)))
  return roundDecimal(marked, scale, rounding)
}

function cutQuotient(a: Decimal, b: Decimal, digits: number): Decimal {
  if (digits < 1) return new Decimal(0)
  Quotient.set({ precision: digits })
  return new Decimal(new Quotient(a).div(b))
}

/** Digits from the highest place of both to the lowest, in words of seven; with one for the carry. */
function spanOf(a: Decimal, b: Decimal): number {
  if (a.isZero() || b.isZero()) return 0
  const top = Math.max(topWord(a), topWord(b))
  const bottom = Math.min(topWord(a) - a.d.length, topWord(b) - b.d.length)
  return (top - bottom + 1) * WORD_DIGITS
}

function topWord(value: Decimal): number {
  return Math.floor(value.e / WORD_DIGITS)
}
