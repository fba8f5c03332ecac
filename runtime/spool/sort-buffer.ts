// SortBuffer: records in the heap, to be sorted by key and time.
//
// Owns: the columns of the records added; the estimate of what they weigh.
// Does not own: when it is full (sorted-spool).
//
// I1. What comes out is what was added, in the order of a spool; records that are equal in it come in the order added.

import { type Batch, batchOf } from '../../src/record/batch.ts'
import { hashKey, type Key } from '../../src/util/key-group.ts'
import { estimateBytes } from '../state/estimate-bytes.ts'
import { compareKeys } from './compare-keys.ts'
import { NO_TIME, type SortedBatches } from './sorted-batches.ts'

const CAPACITY_MIN = 1024
/** References, hash, time and the two orders while sorting. */
const COLUMNS_BYTES = 40
/** Of each batch so many records are looked at to estimate the others. */
const SAMPLES = 4
const DIGIT_BITS = 11
const DIGITS = 1 << DIGIT_BITS

export class SortBuffer {
  #values: unknown[] = []
  #keys: Key[] = []
  #hashes = new Uint32Array(CAPACITY_MIN)
  #times = new Float64Array(CAPACITY_MIN)
  #bytes = 0

  get length(): number {
    return this.#values.length
  }

  /** About what the records weigh in the heap. */
  get bytes(): number {
    return this.#bytes
  }

  add({ values, timestamps }: Batch, keys: readonly Key[]): void {
    const from = this.#values.length
    const count = values.length
    this.#reserve(from + count)
    const hashes = this.#hashes
    const times = this.#times
    for (let i = 0; i < count; i += 1) {
      const key = keys[i] as Key
      this.#values.push(values[i])
      this.#keys.push(key)
      hashes[from + i] = hashKey(key)
      times[from + i] = timestamps === undefined ? NO_TIME : (timestamps[i] as number)
    }
    this.#bytes += batchBytes(values, keys)
  }

  /** All records, at most `recordsMax` to a batch; the buffer is empty afterwards. */
  drain(recordsMax: number): SortedBatches {
    const order = this.#order()
    const columns: Columns = { values: this.#values, keys: this.#keys, times: this.#times, order }
    this.#values = []
    this.#keys = []
    this.#hashes = new Uint32Array(CAPACITY_MIN)
    this.#times = new Float64Array(CAPACITY_MIN)
    this.#bytes = 0
    return new SortedColumns(columns, recordsMax)
  }

  #reserve(records: number): void {
    if (records <= this.#hashes.length) return
    const capacity = Math.max(records, this.#hashes.length * 2)
    const hashes = new Uint32Array(capacity)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    const times = new Float64Array(capacity)
    times.set(this.#times)
    this.#times = times
  }

  #order(): Uint32Array {
    const order = orderByHash(this.#hashes, this.length)
    const hashes = this.#hashes
    const times = this.#times
    const keys = this.#keys
    const compare = (a: number, b: number): number =>
      compareKeys(keys[a] as Key, keys[b] as Key) || compareTimes(times[a] as number, times[b] as number) || a - b
    for (let start = 0; start < order.length; ) {
      const hash = hashes[order[start] as number]
      let sorted = true
      let end = start + 1
      for (; end < order.length && hashes[order[end] as number] === hash; end += 1) {
        sorted &&= compare(order[end - 1] as number, order[end] as number) < 0
      }
      if (!sorted) order.subarray(start, end).sort(compare)
      start = end
    }
    return order
  }
}

/** A radix sort: stable, so that records of one hash stay in the order added. */
function orderByHash(hashes: Uint32Array, count: number): Uint32Array {
  let order = new Uint32Array(count)
  for (let i = 0; i < count; i += 1) order[i] = i
  let next = new Uint32Array(count)
  const starts = new Uint32Array(DIGITS)
  for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
    starts.fill(0)
    for (let i = 0; i < count; i += 1) {
      const digit = ((hashes[i] as number) >>> shift) & (DIGITS - 1)
      starts[digit] = (starts[digit] as number) + 1
    }
    let start = 0
    for (let digit = 0; digit < DIGITS; digit += 1) {
      const size = starts[digit] as number
      starts[digit] = start
      start += size
    }
    for (let i = 0; i < count; i += 1) {
      const record = order[i] as number
      const digit = ((hashes[record] as number) >>> shift) & (DIGITS - 1)
      const at = starts[digit] as number
      next[at] = record
      starts[digit] = at + 1
    }
    ;[order, next] = [next, order]
  }
  return order
}

/** By subtraction two records without time would be NaN apart. */
function compareTimes(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function batchBytes(values: readonly unknown[], keys: readonly Key[]): number {
  const count = values.length
  const step = Math.ceil(count / SAMPLES)
  let bytes = 0
  let seen = 0
  for (let i = 0; i < count; i += step) {
    bytes += estimateBytes(values[i])
    if (typeof keys[i] !== 'number') bytes += estimateBytes(keys[i])
    seen += 1
  }
  return seen === 0 ? 0 : count * (bytes / seen + COLUMNS_BYTES)
}

interface Columns {
  readonly values: unknown[]
  readonly keys: readonly Key[]
  readonly times: Float64Array
  readonly order: Uint32Array
}

/** The columns, read in their order. A record that was read is let go. */
class SortedColumns implements SortedBatches {
  readonly #columns: Columns
  readonly #recordsMax: number
  #at = 0

  constructor(columns: Columns, recordsMax: number) {
    this.#columns = columns
    this.#recordsMax = recordsMax
  }

  next(): Batch | undefined {
    const { order, times } = this.#columns
    const start = this.#at
    if (start === order.length) return undefined
    const timed = times[order[start] as number] !== NO_TIME
    let end = start + 1
    const limit = Math.min(order.length, start + this.#recordsMax)
    while (end < limit && (times[order[end] as number] !== NO_TIME) === timed) end += 1
    this.#at = end
    return this.#slice(start, end, timed)
  }

  close(): Promise<void> {
    this.#at = this.#columns.order.length
    return Promise.resolve()
  }

  #slice(start: number, end: number, timed: boolean): Batch {
    const { order, values, keys, times } = this.#columns
    const outValues = new Array<unknown>(end - start)
    const outKeys = new Array<Key>(end - start)
    const outTimes = timed ? new Array<number>(end - start) : undefined
    for (let i = start; i < end; i += 1) {
      const record = order[i] as number
      outValues[i - start] = values[record]
      values[record] = undefined
      outKeys[i - start] = keys[record] as Key
      if (outTimes !== undefined) outTimes[i - start] = times[record] as number
    }
    return batchOf(outValues, outTimes, outKeys)
  }
}
