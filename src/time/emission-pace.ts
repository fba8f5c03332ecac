// EmissionPace: how often watermarks go out. Counted in batches, never in time, so that results do not depend on how fast a run is.
//
// A watermark sends on whatever waits on its way to fill a batch. Measured with a keyed sum over four subtasks: behind every fourth full
// batch it costs 7 % of the CPU, behind every sixteenth nothing that can be told from noise.

const EVERY_BATCHES = 16

/** Told of every batch. */
export class EmissionPace {
  #batches = 0

  /** Counts a batch; whether a watermark is due behind it. */
  batch(): boolean {
    this.#batches += 1
    return this.#batches >= EVERY_BATCHES
  }

  /** A watermark goes out, or there is none to go out. */
  begin(): void {
    this.#batches = 0
  }
}
