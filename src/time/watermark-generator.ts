// Watermark generators: from the event times of the records of one split to how far event time has come there.

/** Where a generator says that no record with this event time, or an earlier one, is expected any more. */
export interface WatermarkOutput {
  /** Ms since the epoch. One that is not later than those before says nothing. */
  emitWatermark(timestamp: number): void
}

/** Follows the records of one split (or of one subtask of assignTimestampsAndWatermarks). Made anew after a restore. */
export interface WatermarkGenerator<T> {
  /** For each record, in order. A watermark emitted here goes out behind the batch that the record came in. */
  onEvent(record: T, timestamp: number, output: WatermarkOutput): void
  /** Behind every batch of records. */
  onPeriodicEmit(output: WatermarkOutput): void
  /** Instead of onEvent for every record of a batch, if all that matters is how late the latest of them is. */
  onLatest?(timestamp: number): void
}

/** Event time is the latest timestamp seen, less how far records may be out of order, less one: equal timestamps may follow. */
export class BoundedOutOfOrderness implements WatermarkGenerator<unknown> {
  readonly #maxOutOfOrdernessMs: number
  #latest = Number.NEGATIVE_INFINITY

  constructor(maxOutOfOrdernessMs: number) {
    this.#maxOutOfOrdernessMs = maxOutOfOrdernessMs
  }

  onEvent(_record: unknown, timestamp: number): void {
    this.onLatest(timestamp)
  }

  onLatest(timestamp: number): void {
    if (timestamp > this.#latest) this.#latest = timestamp
  }

  onPeriodicEmit(output: WatermarkOutput): void {
    output.emitWatermark(this.#latest - this.#maxOutOfOrdernessMs - 1)
  }
}

/** Event time never advances, but to its end with the input. */
export class NoWatermarks implements WatermarkGenerator<unknown> {
  onEvent(): void {}

  onLatest(): void {}

  onPeriodicEmit(): void {}
}
