// Records in order of event time, as plain data that a value state keeps. Made for records that come nearly in order and leave from
// the front: both cost the same however many there are.

/** `times[i]` and `values[i]` for i >= from; what lies before is gone and not yet cut off. */
export interface TimedList {
  from: number
  times: number[]
  values: unknown[]
}

/** Gone places that are worth the copying of the others. */
const CUT_MIN = 32

// What every empty list shares, for most lists of most keys are empty or hold one record. Nothing is ever pushed to them: see insert().
const NO_TIMES: number[] = []
const NO_VALUES: unknown[] = []

/** An empty list. */
export function timedList(): TimedList {
  return { from: 0, times: NO_TIMES, values: NO_VALUES }
}

/** How many records there are. */
export function sizeOf(list: TimedList): number {
  return list.times.length - list.from
}

/** The earliest time, or Infinity. */
export function firstTime(list: TimedList): number {
  return list.from < list.times.length ? (list.times[list.from] as number) : Number.POSITIVE_INFINITY
}

/** The first place whose time is >= `time` (`after`: > `time`). */
export function placeOf(list: TimedList, time: number, after: boolean): number {
  const { times } = list
  let low = list.from
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const at = times[middle] as number
    if (at < time || (after && at === time)) low = middle + 1
    else high = middle
  }
  return low
}

/** Adds a record behind all of its time and before; returns its place. */
export function insert(list: TimedList, time: number, value: unknown): number {
  const { times, values } = list
  const count = times.length
  if (count === list.from) {
    // Arrays with room for one: those that grow take room for sixteen at once.
    list.times = [time]
    list.values = [value]
    list.from = 0
    return 0
  }
  if ((times[count - 1] as number) <= time) {
    times.push(time)
    values.push(value)
    return count
  }
  const place = placeOf(list, time, true)
  times.splice(place, 0, time)
  values.splice(place, 0, value)
  return place
}

/** Removes all before `place`. Places that were told before mean nothing any more. */
export function dropBefore(list: TimedList, place: number): void {
  const { length } = list.times
  if (place === length) {
    list.times = NO_TIMES
    list.values = NO_VALUES
    list.from = 0
    return
  }
  if (place < CUT_MIN || place * 2 < length) {
    for (let i = list.from; i < place; i += 1) list.values[i] = undefined
    list.from = place
    return
  }
  list.times = list.times.slice(place)
  list.values = list.values.slice(place)
  list.from = 0
}
