// AsyncResults: answers that come in any order, on their way out in the order that is wanted.
//
// Owns: the requests that have not been passed on, cut into segments by what must not be passed; watermarks and status between them.
// Does not own: the calls (AsyncOperator).
//
// I1. Nothing of a segment comes out before all of the segments before it are out. Within a segment, answers come out as they came.
// I2. Ordered: each request is a segment of its own. Unordered: watermarks and changes of status end segments.
// I3. Between two requests at most one watermark and one status are kept: the latest.

import type { Output } from '../contract/operator.ts'

/** A record whose answer is awaited. */
export interface AsyncRequest {
  readonly value: unknown
  readonly timestamp: number | undefined
  segment: Segment | undefined
  result: unknown
}

/** A request or a watermark as a checkpoint keeps it. */
export type SavedItem =
  | { readonly value: unknown; readonly timestamp: number | undefined }
  | { readonly watermark: number }

interface Segment {
  readonly open: Set<AsyncRequest>
  done: AsyncRequest[]
  /** Nothing is added any more; what follows waits for it. */
  closed: boolean
  watermark: number | undefined
  idle: boolean | undefined
  next: Segment | undefined
}

/** See the head of this file. */
export class AsyncResults {
  readonly #ordered: boolean
  #head: Segment | undefined
  #tail: Segment | undefined

  constructor(ordered: boolean) {
    this.#ordered = ordered
  }

  add(value: unknown, timestamp: number | undefined): AsyncRequest {
    const segment = this.#tail === undefined || this.#tail.closed ? this.#append() : this.#tail
    const request: AsyncRequest = { value, timestamp, segment, result: undefined }
    segment.open.add(request)
    segment.closed = this.#ordered
    return request
  }

  watermark(timestamp: number): void {
    const segment = this.#tail ?? this.#append()
    segment.closed = true
    segment.watermark = timestamp
  }

  idle(idle: boolean): void {
    const segment = this.#tail ?? this.#append()
    segment.closed = true
    segment.idle = idle
  }

  done(request: AsyncRequest, result: unknown): void {
    const { segment } = request
    if (segment === undefined || !segment.open.delete(request)) return
    request.result = result
    request.segment = undefined
    segment.done.push(request)
  }

  /** Passes on all that may come out; returns how many records that were. */
  passOn(out: Output): number {
    let count = 0
    for (let segment = this.#head; segment !== undefined; segment = this.#head) {
      const { done } = segment
      for (const { result, timestamp } of done) out.emit(result, timestamp)
      count += done.length
      if (done.length > 0) segment.done = []
      if (segment.open.size > 0) break
      if (segment.watermark !== undefined) out.watermark(segment.watermark)
      if (segment.idle !== undefined) out.idle(segment.idle)
      this.#head = segment.next
      if (this.#head === undefined) this.#tail = undefined
    }
    return count
  }

  /** In order: what was not answered yet, and the watermarks between. To be called when all that may come out has. */
  unanswered(): SavedItem[] {
    const items: SavedItem[] = []
    for (let segment = this.#head; segment !== undefined; segment = segment.next) {
      for (const { value, timestamp } of [...segment.open, ...segment.done]) items.push({ value, timestamp })
      if (segment.watermark !== undefined) items.push({ watermark: segment.watermark })
    }
    return items
  }

  #append(): Segment {
    const segment: Segment = {
      open: new Set(),
      done: [],
      closed: false,
      watermark: undefined,
      idle: undefined,
      next: undefined,
    }
    if (this.#tail === undefined) this.#head = segment
    else this.#tail.next = segment
    this.#tail = segment
    return segment
  }
}
