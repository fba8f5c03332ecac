// Comparing values as what they say, whatever type carries them: exactly, never over a rounded number.

import { Decimal, isDecimal } from '../../util/decimal.ts'
import type { Literal } from './spec.ts'

/** < 0, 0 or > 0; undefined where the two cannot be compared: null, NaN, a text that is no number with a number, objects. */
export type Order = number | undefined

type Numeric = number | bigint | Decimal

const NUMERAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,6})?$/
const SHORT_INTEGER = /^-?\d{1,15}$/
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?$/

/** A comparison of values with one literal. */
export function compileOrder(literal: Literal): (value: unknown) => Order {
  const plain = plainOf(literal)
  // The types that come most often are compared without a look at all others.
  if (typeof plain === 'string')
    return (value) => (typeof value === 'string' ? orderOf(value, plain) : compareValues(value, plain))
  if (typeof plain === 'number')
    return (value) => (typeof value === 'number' ? compareNumbers(value, plain) : compareValues(value, plain))
  return (value) => compareValues(value, plain)
}

function plainOf(literal: Literal): unknown {
  if (typeof literal !== 'object' || literal instanceof Date || isDecimal(literal)) return literal
  return 'decimal' in literal ? new Decimal(literal.decimal) : Buffer.from(literal.hex, 'hex')
}

/**
 * Numbers of all kinds by value, texts by code unit, times by moment, bytes by byte. A text beside a number is compared as the number that
 * it says, beside a time as the moment (UTC without a zone), beside bytes as UTF-8; a boolean beside a number is 1 or 0.
 */
export function compareValues(a: unknown, b: unknown): Order {
  if (typeof a === 'string' && typeof b === 'string') return orderOf(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return orderOf(a, b)
  if (a instanceof Date || b instanceof Date) return compareTimes(a, b)
  if (a instanceof Uint8Array || b instanceof Uint8Array) return compareBytes(a, b)
  const left = numericOf(a)
  const right = numericOf(b)
  return left === undefined || right === undefined ? undefined : compareNumbers(left, right)
}

function orderOf<T extends string | number | bigint | boolean>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** JavaScript compares a number with a bigint exactly. A number counts as its shortest text beside a Decimal: 0.1 is 0.1. */
function compareNumbers(a: Numeric, b: Numeric): Order {
  if (typeof a !== 'object' && typeof b !== 'object') {
    if (a < b) return -1
    if (a > b) return 1
    return Number.isNaN(a) || Number.isNaN(b) ? undefined : 0
  }
  const left = decimalOf(a)
  const right = decimalOf(b)
  return left.isNaN() || right.isNaN() ? undefined : left.cmp(right)
}

function decimalOf(value: Numeric): Decimal {
  return typeof value === 'object' ? value : new Decimal(typeof value === 'bigint' ? value.toString() : value)
}

function numericOf(value: unknown): Numeric | undefined {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'string':
      return numberIn(value)
    default:
      return isDecimal(value) ? value : undefined
  }
}

function numberIn(text: string): Numeric | undefined {
  if (SHORT_INTEGER.test(text)) return Number(text)
  if (NUMERAL.test(text)) return new Decimal(text)
  return text === 'true' ? 1 : text === 'false' ? 0 : undefined
}

function compareTimes(a: unknown, b: unknown): Order {
  const left = momentOf(a)
  const right = momentOf(b)
  return left === undefined || right === undefined ? undefined : compareNumbers(left, right)
}

/** In ms since the epoch. */
function momentOf(value: unknown): Numeric | undefined {
  if (value instanceof Date) return value.getTime()
  if (typeof value === 'string') return momentIn(value)
  return typeof value === 'boolean' ? undefined : numericOf(value)
}

function momentIn(text: string): Numeric | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [, date, time = '00:00:00', fraction = '', zone = 'Z'] = match
  const seconds = Date.parse(`${date}T${time}${zone}`)
  if (Number.isNaN(seconds)) return undefined
  return fraction === '' ? seconds : new Decimal(`0.${fraction}`).times(1000).plus(seconds)
}

function compareBytes(a: unknown, b: unknown): Order {
  const left = bytesOf(a)
  const right = bytesOf(b)
  return left === undefined || right === undefined ? undefined : Buffer.compare(left, right)
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' ? Buffer.from(value) : undefined
}
