import type { WindowFold } from './window-spec.ts'

/** A record and its place among all records of its key. */
type Arrived = readonly [number: number, value: unknown]

/** Keeps all records; its result has them in the order in which they came, whichever panes or sessions they lay in. */
export const ARRIVED_FOLD: WindowFold = {
  numbered: true,
  create: (): Arrived[] => [],
  add(arrived, kept) {
    ;(kept as Arrived[]).push(arrived as Arrived)
    return kept
  },
  merge: (a, b) => (a as Arrived[]).concat(b as Arrived[]),
  result(kept) {
    const arrived = kept as Arrived[]
    if (arrived.some(([number], i) => i > 0 && number < (arrived[i - 1] as Arrived)[0])) arrived.sort(byNumber)
    return arrived.map(([, value]) => value)
  },
}

const byNumber = ([a]: Arrived, [b]: Arrived): number => a - b
