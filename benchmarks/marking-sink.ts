import { UpsertSinkFunction } from 'millrace'
import { writeMarker } from './marker.ts'

/** Writes down when the first record reached it, and when the first one above 1 did; drops all. */
export class MarkingSink extends UpsertSinkFunction<number> {
  readonly #folder: string
  #first = false
  #filled = false

  constructor(folder: string) {
    super()
    this.#folder = folder
  }

  write(records: readonly number[]): void {
    if (!this.#first) writeMarker(this.#folder, 'first-output', records[0] ?? 0)
    this.#first = true
    const above = this.#filled ? undefined : records.find((value) => value > 1)
    if (above === undefined) return
    writeMarker(this.#folder, 'filled', above)
    this.#filled = true
  }

  flush(): void {}
}
