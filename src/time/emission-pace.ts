// EmissionPace: how often watermarks go out. Counted in records, never in time, so that results do not depend on how fast a run is.
//
// A watermark sends on whatever waits on the way to fill a batch: too many of them make small batches.

const EVERY_RECORDS = 4_096
/** Of whatever size: records that come slowly in small batches must not make event time wait for thousands of them. */
const EVERY_BATCHES = 16

/** Told of every batch. */
export class EmissionPace {
  #records = 0
  #batches = 0

  /** Counts a batch; whether a watermark is due behind it. */
  isDueAfter(records: number): boolean {
    this.#records += records
    this.#batches += 1
    return this.#records >= EVERY_RECORDS || this.#batches >= EVERY_BATCHES
  }

  /** Whether there was a batch since the last emission. */
  get isWaiting(): boolean {
    return this.#batches > 0
  }

  /** A watermark went out. */
  begin(): void {
    this.#records = 0
    this.#batches = 0
  }
}
