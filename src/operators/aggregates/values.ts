// What aggregate functions select: which values they take, how two of them add up and compare.

import { addDecimals, Decimal, isDecimal, ourDecimal } from '../../util/decimal.ts'

/** What can be added up. A sum has one type: numbers, bigints or Decimals. */
export type Numeric = number | bigint | Decimal

/** What has an order. Strings compare as JavaScript compares them, by code unit. */
export type Comparable = Numeric | string | boolean | Date

/** SQL's NULL: not aggregated. */
export type Null = null | undefined

/** The type of a sum or average: that of what was selected; null if that may be null or undefined, for there may be nothing else. */
export type NumericResult<V> = V extends number ? number : V extends bigint ? bigint : V extends Null ? null : Decimal

/** The type of a value that was picked: null if what was selected may be null or undefined, for there may be nothing else. */
export type PickedResult<V> = V extends Null ? null : V

export function isNull(value: unknown): value is Null {
  return value === null || value === undefined
}

/** The value as it is added up. Throws for what is no number. */
export function numeric(value: Numeric): Numeric {
  if (typeof value === 'bigint') return value
  // -0 + 0 is 0: a zero of either sign, which frames and state do not keep, must not make a difference.
  if (typeof value === 'number') return checkedNumber(value) + 0
  if (!isDecimal(value))
    throw new TypeError(`${describe(value)} cannot be added up: expected a number, bigint or Decimal`)
  if (!value.isFinite()) throw new RangeError(`${value} cannot be added up: expected a finite Decimal`)
  return ourDecimal(value)
}

/** a + b, exactly, save for numbers with a fraction. Throws where the exact sum is beyond what the type holds. */
export function plus(a: Numeric, b: Numeric): Numeric {
  if (typeof a === 'number' && typeof b === 'number') return plusNumber(a, b)
  if (typeof a === 'bigint' && typeof b === 'bigint') return a + b
  if (a instanceof Decimal && b instanceof Decimal) return addDecimals(a, b)
  throw new TypeError(`${describe(a)} and ${describe(b)} cannot be added up: select values of one type`)
}

/** a + b of two numbers of which `a` is finite. */
export function plusNumber(a: number, b: number): number {
  const sum = a + b
  if (Number.isSafeInteger(sum)) return sum
  checkedNumber(b)
  if (Number.isInteger(a) && Number.isInteger(b)) throw unsafe(sum)
  if (!Number.isFinite(sum)) throw new RangeError(`the sum of ${a} and ${b} is beyond what a number holds`)
  return sum
}

/** A finite number, and a safe one if it is whole. */
function checkedNumber(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be added up: filter it out or select null instead`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw unsafe(value)
  return value
}

export function unsafe(sum: number): RangeError {
  return new RangeError(
    `the sum of whole numbers leaves the safe range (2^53) at ${sum} and would be rounded: select BigInt(…) or a Decimal instead`,
  )
}

/** The value as it is compared. Throws for what has no order. */
export function comparable<V extends Comparable>(value: V): V {
  switch (typeof value) {
    case 'number':
      if (!Number.isNaN(value)) return value
      break
    case 'string':
    case 'bigint':
    case 'boolean':
      return value
    case 'object':
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value
      if (isDecimal(value) && !value.isNaN()) return ourDecimal(value) as V
  }
  throw new TypeError(`${describe(value)} has no order: filter it out or select null instead`)
}

/** Negative, 0 or positive, as a comes before b, beside it or after it. Throws for values of two types. */
export function compare(a: Comparable, b: Comparable): number {
  if (typeof a === typeof b) {
    if (typeof a !== 'object') return a < b ? -1 : a > b ? 1 : 0
    if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime()
    if (a instanceof Decimal && b instanceof Decimal) return a.cmp(b)
  }
  throw new TypeError(`${describe(a)} and ${describe(b)} have no common order: select values of one type`)
}

/** What is thrown where a value is taken back that is not there. */
export function notAdded(value: unknown): RangeError {
  return new RangeError(`${describe(value)} is taken back, which was not added`)
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `${value.constructor?.name ?? 'an object'} ${textOf(value)}`
  return `${typeof value} ${String(value)}`
}

function textOf(value: object): string {
  return isDecimal(value) || value instanceof Date ? String(value) : ''
}
