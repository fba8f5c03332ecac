import { UpsertSinkFunction } from 'millrace'
import { writeMarker } from './marker.ts'

/** Writes down when the first record reached it, and drops all. */
export class MarkingSink<T> extends UpsertSinkFunction<T> {
  readonly #folder: string
  #marked = false

  constructor(folder: string) {
    super()
    this.#folder = folder
  }

  write(): void {
    if (!this.#marked) writeMarker(this.#folder)
    this.#marked = true
  }

  flush(): void {}
}
