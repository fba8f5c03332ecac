// Says in words where what came out is not what was expected.

import { inspect, isDeepStrictEqual } from 'node:util'

export interface Comparison {
  readonly expected: readonly unknown[]
  readonly actual: readonly unknown[]
  /** Compare as bags: each as often, wherever. */
  readonly anyOrder?: boolean
}

/** Records shown of each side, and of what is equal before them. */
const SHOWN_MAX = 5
const BEFORE_MAX = 2

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
    const found = bucket.findIndex((candidate) => isDeepStrictEqual(candidate, record))
    if (found >= 0) bucket.splice(found, 1)
    return found < 0
  })
}

/** Equal for equal records, so that a search need not look at all of them. */
function bucketOf(record: unknown): string {
  return inspect(record, { depth: 4, sorted: true, breakLength: Number.POSITIVE_INFINITY })
}

function isSame(expected: readonly unknown[], actual: readonly unknown[], index: number): boolean {
  if (index >= expected.length || index >= actual.length) return false
  return isDeepStrictEqual(expected[index], actual[index])
}

function counts(expected: readonly unknown[], actual: readonly unknown[]): string {
  return `${expected.length} records expected, ${actual.length} came`
}

function marked(mark: string, records: readonly unknown[]): string[] {
  const shown = records.slice(0, SHOWN_MAX).map((record) => `  ${mark} ${show(record)}`)
  return records.length > SHOWN_MAX ? [...shown, `  ${mark} … and ${records.length - SHOWN_MAX} more`] : shown
}

function show(record: unknown): string {
  return inspect(record, { depth: 6, breakLength: Number.POSITIVE_INFINITY, compact: true })
}
