// Says in words where what came out is not what was expected.

import { inspect, isDeepStrictEqual } from 'node:util'
import { decimalText, isDecimal } from '../../src/util/decimal.ts'

export interface Comparison {
  readonly expected: readonly unknown[]
  readonly actual: readonly unknown[]
  /** Compare as bags: each as often, wherever. */
  readonly anyOrder?: boolean
}

/** Records shown of each side, and of what is equal before them. */
const SHOWN_MAX = 5
const BEFORE_MAX = 2
const DEPTH_MAX = 6

/** Lines that tell the difference; undefined if there is none. */
export function differenceOf(comparison: Comparison): string | undefined {
  return comparison.anyOrder === true ? differentBags(comparison) : differentLists(comparison)
}

function differentLists({ expected, actual }: Comparison): string | undefined {
  const length = Math.max(expected.length, actual.length)
  let from = 0
  while (from < length && isSame(expected, actual, from)) from += 1
  if (from === length) return undefined
  const before = expected.slice(Math.max(0, from - BEFORE_MAX), from)
  return [
    `${counts(expected, actual)}; they differ from record ${from + 1} on (- expected, + actual):`,
    ...before.map((record) => `    ${show(record)}`),
    ...marked('-', expected.slice(from)),
    ...marked('+', actual.slice(from)),
  ].join('\n')
}

function differentBags({ expected, actual }: Comparison): string | undefined {
  const missing = without(expected, actual)
  const extra = without(actual, expected)
  if (missing.length === 0 && extra.length === 0) return undefined
  return [
    `${counts(expected, actual)}, in any order (- missing, + too many):`,
    ...marked('-', missing),
    ...marked('+', extra),
  ].join('\n')
}

/** `list` without what is in `other`, each as often as it is there. */
function without(list: readonly unknown[], other: readonly unknown[]): unknown[] {
  const left = new Map<string, unknown[]>()
  for (const record of other) {
    const key = bucketOf(record)
    left.set(key, [...(left.get(key) ?? []), record])
  }
  return list.filter((record) => {
    const bucket = left.get(bucketOf(record)) ?? []
    const found = bucket.findIndex((candidate) => isEqual(candidate, record))
    if (found >= 0) bucket.splice(found, 1)
    return found < 0
  })
}

/** Equal for equal records, so that a search need not look at all of them. */
function bucketOf(record: unknown): string {
  return inspect(withDecimalsNamed(record), { depth: 4, sorted: true, breakLength: Number.POSITIVE_INFINITY })
}

function isSame(expected: readonly unknown[], actual: readonly unknown[], index: number): boolean {
  if (index >= expected.length || index >= actual.length) return false
  return isEqual(expected[index], actual[index])
}

/** Equal in value and type. Decimals by their number: one that crossed between threads is of our class, whatever it was made of. */
function isEqual(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b) || isDeepStrictEqual(withDecimalsNamed(a), withDecimalsNamed(b))
}

/** Shows and compares as `Decimal 1.5`. */
class NamedDecimal {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  [inspect.custom](): string {
    return `Decimal ${this.text}`
  }
}

/** The value with its Decimals, as deep as is shown, as NamedDecimals; itself if it has none. */
function withDecimalsNamed(value: unknown, depth = DEPTH_MAX): unknown {
  if (typeof value !== 'object' || value === null || depth < 0) return value
  if (isDecimal(value)) return new NamedDecimal(decimalText(value))
  const named = (item: unknown): unknown => withDecimalsNamed(item, depth - 1)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [named(key), named(item)]))
  if (value instanceof Set) return new Set([...value].map(named))
  if (!Array.isArray(value) && value.constructor !== Object) return value
  const changed = Object.entries(value).flatMap(([name, item]) => {
    const other = named(item)
    return other === item ? [] : [[name, other] as const]
  })
  if (changed.length === 0) return value
  return Object.assign(Array.isArray(value) ? [...value] : { ...value }, Object.fromEntries(changed))
}

function counts(expected: readonly unknown[], actual: readonly unknown[]): string {
  return `${expected.length} records expected, ${actual.length} came`
}

function marked(mark: string, records: readonly unknown[]): string[] {
  const shown = records.slice(0, SHOWN_MAX).map((record) => `  ${mark} ${show(record)}`)
  return records.length > SHOWN_MAX ? [...shown, `  ${mark} … and ${records.length - SHOWN_MAX} more`] : shown
}

function show(record: unknown): string {
  return inspect(withDecimalsNamed(record), { depth: DEPTH_MAX, breakLength: Number.POSITIVE_INFINITY, compact: true })
}
