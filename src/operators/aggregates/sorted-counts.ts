// A bag of values in order, each with how often it is there. Plain data: it is kept in state.

import { type Comparable, comparable, compare, notAdded } from './values.ts'

export interface SortedCounts {
  readonly values: Comparable[]
  readonly counts: number[]
}

export function addToCounts(bag: SortedCounts, value: Comparable, times = 1): SortedCounts {
  const added = comparable(value)
  const at = placeOf(bag.values, added)
  if (isAt(bag, at, added)) bag.counts[at] = (bag.counts[at] as number) + times
  else {
    bag.values.splice(at, 0, added)
    bag.counts.splice(at, 0, times)
  }
  return bag
}

export function retractFromCounts(bag: SortedCounts, value: Comparable): SortedCounts {
  const taken = comparable(value)
  const at = placeOf(bag.values, taken)
  if (!isAt(bag, at, taken)) throw notAdded(taken)
  const left = (bag.counts[at] as number) - 1
  if (left > 0) bag.counts[at] = left
  else {
    bag.values.splice(at, 1)
    bag.counts.splice(at, 1)
  }
  return bag
}

/** `a` with all of `b` added. */
export function mergeCounts(a: SortedCounts, b: SortedCounts): SortedCounts {
  for (const [index, value] of b.values.entries()) addToCounts(a, value, b.counts[index])
  return a
}

/** Where the values equal to this one begin, or would; with `after`, where they end. */
export function placeOf(sorted: readonly Comparable[], value: Comparable, after = false): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    const order = compare(sorted[middle] as Comparable, value)
    if (order < 0 || (after && order === 0)) from = middle + 1
    else to = middle
  }
  return from
}

function isAt({ values }: SortedCounts, at: number, value: Comparable): boolean {
  return at < values.length && compare(values[at] as Comparable, value) === 0
}
