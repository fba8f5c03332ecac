// Which queries are measured, over how many events, and what is asked of them beside Flink.

/** How fast a query is to be per CPU-second, in times of what Flink makes of one in the same run. */
export interface QueryGoal {
  /** As many as give a run of some seconds. */
  readonly events: number
  /** Beside Flink with its state in the heap. */
  readonly heapTimes: number
  /** Keeps state: it is also measured beside Flink's RocksDB, with the same memory and with memory for a quarter of the state. */
  readonly stateful: boolean
  /** Reads events that were made before: so little is done with each that making them would be most of it. */
  readonly kept?: boolean
}

export const GOALS: Readonly<Record<string, QueryGoal>> = {
  q0: { events: 20_000_000, heapTimes: 0.5, stateful: false, kept: true },
  q1: { events: 20_000_000, heapTimes: 0.5, stateful: false, kept: true },
  q2: { events: 20_000_000, heapTimes: 0.5, stateful: false, kept: true },
  q3: { events: 20_000_000, heapTimes: 1, stateful: true },
  q4: { events: 2_000_000, heapTimes: 1.5, stateful: true },
  q5: { events: 6_000_000, heapTimes: 1.5, stateful: true },
  q7: { events: 2_000_000, heapTimes: 1.5, stateful: true },
  q8: { events: 20_000_000, heapTimes: 1, stateful: true },
  q9: { events: 1_500_000, heapTimes: 1.5, stateful: true },
  q11: { events: 2_000_000, heapTimes: 1.5, stateful: true },
  q18: { events: 4_000_000, heapTimes: 1.5, stateful: true },
  q19: { events: 2_000_000, heapTimes: 1.5, stateful: true },
  q20: { events: 2_000_000, heapTimes: 1.5, stateful: true },
}

/** What every stateful query is to make beside Flink's RocksDB with the same memory for state. */
export const ROCKSDB_TIMES = 1
/** The most memory, in times of Flink's. */
export const MEMORY_TIMES_MAX = 0.25
