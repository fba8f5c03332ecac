import type { AggregateFunction } from '../../contract/state.ts'
import { sameValue } from '../../util/same-value.ts'
import { placeOf } from './sorted-counts.ts'
import { type Comparable, comparable, compare, isNull, type Null, notAdded, type PickedResult } from './values.ts'

export interface RecordBy<T> {
  readonly by: Comparable
  readonly record: T
}

/** Records in the order of what was selected; where that is equal, in stream order. */
interface RecordsBy<T> {
  readonly by: Comparable[]
  readonly records: T[]
}

/** A record if every record has what it is chosen by; otherwise perhaps null. */
export type RecordResult<T, V> = T | Extract<PickedResult<V>, null>

/** What minBy (sign -1) and maxBy (sign 1) are. Input that only adds needs one record; input that retracts, all of them in order. */
export function extremeBy<T, V extends Comparable | Null>(
  selector: (value: T) => V,
  sign: 1 | -1,
): AggregateFunction<T, RecordBy<T> | null, RecordResult<T, V>> {
  return {
    create: () => null,
    add(record, best) {
      const selected = selector(record)
      if (isNull(selected)) return best
      const by = comparable<Comparable>(selected)
      return best === null || compare(by, best.by) * sign > 0 ? { by, record } : best
    },
    result: (best) => (best === null ? null : best.record) as RecordResult<T, V>,
    merge: (a, b) => (a === null || (b !== null && compare(b.by, a.by) * sign > 0) ? b : a),
    retractable: () => ({
      create: (): RecordsBy<T> => ({ by: [], records: [] }),
      add(record, kept) {
        const selected = selector(record)
        return isNull(selected) ? kept : insert(kept as RecordsBy<T>, comparable<Comparable>(selected), record)
      },
      retract(record, kept) {
        const selected = selector(record)
        return isNull(selected) ? kept : remove(kept as RecordsBy<T>, comparable<Comparable>(selected), record)
      },
      result: (kept) => furthest(kept as RecordsBy<T>, sign) as RecordResult<T, V>,
      merge(a, b) {
        const { by, records } = b as RecordsBy<T>
        for (const [index, record] of records.entries()) insert(a as RecordsBy<T>, by[index] as Comparable, record)
        return a
      },
    }),
  }
}

function insert<T>(kept: RecordsBy<T>, by: Comparable, record: T): RecordsBy<T> {
  const at = placeOf(kept.by, by, true)
  kept.by.splice(at, 0, by)
  kept.records.splice(at, 0, record)
  return kept
}

function remove<T>(kept: RecordsBy<T>, by: Comparable, record: T): RecordsBy<T> {
  const end = placeOf(kept.by, by, true)
  let at = placeOf(kept.by, by)
  while (at < end && !sameValue(kept.records[at], record)) at += 1
  if (at === end) throw notAdded(record)
  kept.by.splice(at, 1)
  kept.records.splice(at, 1)
  return kept
}

function furthest<T>({ by, records }: RecordsBy<T>, sign: 1 | -1): T | null {
  const last = by.at(-1)
  if (last === undefined) return null
  return records[sign === 1 ? placeOf(by, last) : 0] as T
}
