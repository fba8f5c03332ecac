// Intake: batches between the lines and the logs, of all lines of a receiver.
//
// Owns: how many bytes are held; the order in which bodies are uncompressed.
// Does not own: what becomes of a batch (receiver-line); when it is durable (stream-log).
//
// I1. Bodies are uncompressed in the order they came, as many as plain bytes are allowed; at least one.
// I2. Plain bytes are counted from there until they are durable or given up: then release() is called with the same number.
// I3. While bodies that wait are too many, the lines are not read.

/** Beside its bytes, what a batch costs that waits. */
export const BATCH_COST_BYTES = 512

/** A batch that waits to be uncompressed. */
export interface Arrival {
  /** Held while it waits, and once it is uncompressed. */
  readonly bodyBytes: number
  readonly plainBytes: number
  /** Uncompresses: when it returns, the plain bytes are with the log, or were given up. Never throws. */
  take(): void
}

export interface IntakeOptions {
  readonly plainBytesMax: number
  readonly bodyBytesMax: number
  /** The lines are to be read, or not. */
  readonly flow: (isOpen: boolean) => void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #waiting: Arrival[] = []
  #plainBytes = 0
  #bodyBytes = 0
  #isOpen = true
  #pumping = false

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  add(arrival: Arrival): void {
    this.#waiting.push(arrival)
    this.#bodyBytes += arrival.bodyBytes + BATCH_COST_BYTES
    this.#pump()
    if (this.#isOpen && this.#bodyBytes > this.#options.bodyBytesMax) this.#flow(false)
  }

  /** So many plain bytes of so many batches, costs included, are durable or given up. */
  release(bytes: number): void {
    this.#plainBytes -= bytes
    this.#pump()
  }

  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const plainBytes = next.plainBytes + BATCH_COST_BYTES
      if (this.#plainBytes > 0 && this.#plainBytes + plainBytes > this.#options.plainBytesMax) break
      // What was taken is not kept: its body would be counted no more and stay in memory.
      this.#waiting.shift()
      this.#plainBytes += plainBytes
      next.take()
      this.#taken(next)
    }
    this.#pumping = false
  }

  #taken({ bodyBytes }: Arrival): void {
    this.#bodyBytes -= bodyBytes + BATCH_COST_BYTES
    if (!this.#isOpen && this.#bodyBytes < this.#options.bodyBytesMax / 2) this.#flow(true)
  }

  #flow(isOpen: boolean): void {
    this.#isOpen = isOpen
    this.#options.flow(isOpen)
  }
}
