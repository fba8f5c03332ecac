import { type Batch, batchOf } from '../../src/record/batch.ts'
import type { Key } from '../../src/util/key-group.ts'

/** Columns being filled: records are added one by one and taken as one batch. */
export class BatchBuffer {
  #values: unknown[] = []
  #timestamps: number[] | undefined
  #keys: Key[] | undefined

  get length(): number {
    return this.#values.length
  }

  /** Whether a record with these columns fits to those already here: a batch has a timestamp for each record or for none. */
  accepts(timestamp: number | undefined, key: Key | undefined): boolean {
    if (this.#values.length === 0) return true
    return (
      (timestamp !== undefined) === (this.#timestamps !== undefined) &&
      (key !== undefined) === (this.#keys !== undefined)
    )
  }

  /** Call accepts() first. */
  add(value: unknown, timestamp: number | undefined, key: Key | undefined): void {
    this.#values.push(value)
    if (timestamp !== undefined) {
      if (this.#timestamps === undefined) this.#timestamps = [timestamp]
      else this.#timestamps.push(timestamp)
    }
    if (key !== undefined) {
      if (this.#keys === undefined) this.#keys = [key]
      else this.#keys.push(key)
    }
  }

  /** All records as a batch, leaving nothing; undefined if there are none. */
  take(): Batch | undefined {
    if (this.#values.length === 0) return undefined
    const batch = batchOf(this.#values, this.#timestamps, this.#keys)
    this.#values = []
    this.#timestamps = undefined
    this.#keys = undefined
    return batch
  }
}
