import type { AggregateFunction } from '../../contract/state.ts'
import { decimalText, isDecimal } from '../../util/decimal.ts'
import { type Key, mapKeyOf } from '../../util/key-group.ts'
import { type Comparable, comparable, isNull, type Null, notAdded } from './values.ts'

type Distinct = ReturnType<typeof mapKeyOf>

/** How many different values are selected; null and undefined are skipped. Keeps each of them once. */
export function countDistinct<T>(
  selector: (value: T) => Comparable | readonly Key[] | Null,
): AggregateFunction<T, Set<Distinct>, number> {
  return {
    create: () => new Set(),
    add(value, seen) {
      const selected = selector(value)
      return isNull(selected) ? seen : seen.add(distinct(selected))
    },
    result: (seen) => seen.size,
    merge(a, b) {
      for (const value of b) a.add(value)
      return a
    },
    retractable: () => ({
      create: () => new Map<Distinct, number>(),
      add: (value, counts) => change(counts as Map<Distinct, number>, selector(value), 1),
      retract: (value, counts) => change(counts as Map<Distinct, number>, selector(value), -1),
      result: (counts) => (counts as Map<Distinct, number>).size,
      merge(a, b) {
        const counts = a as Map<Distinct, number>
        for (const [value, times] of b as Map<Distinct, number>) counts.set(value, (counts.get(value) ?? 0) + times)
        return counts
      },
    }),
  }
}

function change(
  counts: Map<Distinct, number>,
  selected: Comparable | readonly Key[] | Null,
  by: 1 | -1,
): Map<Distinct, number> {
  if (isNull(selected)) return counts
  const value = distinct(selected)
  const times = (counts.get(value) ?? 0) + by
  if (times < 0) throw notAdded(selected)
  if (times > 0) counts.set(value, times)
  else counts.delete(value)
  return counts
}

/** One value for all that are equal. Texts that begin with NUL are tagged by mapKeyOf, so that none is taken for another's. */
function distinct(value: Comparable | readonly Key[]): Distinct {
  if (typeof value !== 'object') return mapKeyOf(comparable(value))
  if (value instanceof Date) return `\0D${comparable(value).getTime()}`
  return isDecimal(value) ? `\0d${decimalText(comparable(value))}` : mapKeyOf(value as readonly Key[])
}
