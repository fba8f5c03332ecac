// What a savepoint tells of one node's keyed state beside the rows themselves.

/** A state as checkpoints note it. */
export interface HeldState {
  readonly name: string
  readonly kind: string
  readonly codec: string
  readonly version: number
  readonly ttl: boolean
}

/** Timers of one time domain. */
export interface TimerSummary {
  readonly count: number
  /** Ms since the epoch; undefined if there is none, or it is at no finite time. */
  readonly earliest: number | undefined
}

/** What the rows of a node's state amount to. */
export interface StateSummary {
  /** By tag: rows name a state by its place in this list. A state whose version changed may be there in each. */
  readonly states: readonly (HeldState & {
    /** Keys that have it; of a map its entries. */
    readonly entries: number
    /** Of encoded values. */
    readonly bytes: number
  })[]
  readonly keys: number
  readonly timers: { readonly event: TimerSummary; readonly processing: TimerSummary }
}

/** Where rows are in a savepoint file. */
export interface SectionPlace {
  /** Offset of the first block of rows. */
  readonly at: number
  /** Of all blocks of rows and the index. */
  readonly bytes: number
  /** Offset of the index. */
  readonly indexAt: number
}

/** Keyed state of one node in a savepoint file: every key group of it. */
export interface StateSection extends SectionPlace, StateSummary {
  readonly keyGroups: number
}
