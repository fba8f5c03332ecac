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
  /** Of an ordered segment, its one request until that is answered. */
  only: AsyncRequest | undefined
  /** Of an unordered one, those not yet answered. */
  readonly open: Set<AsyncRequest> | undefined
  done: AsyncRequest[]
  /** Nothing is added any more; what follows waits for it. */
  closed: boolean
  watermark: number | undefined
  idle: boolean | undefined
  next: Segment | undefined
}

/** Shared by all segments without answers: most never have more than a few. */
const NONE: AsyncRequest[] = []

const isOpen = ({ only, open }: Segment): boolean => only !== undefined || (open !== undefined && open.size > 0)

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
    if (segment.open === undefined) {
      segment.only = request
      segment.closed = true
    } else segment.open.add(request)
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
    if (segment === undefined) return
    segment.only = undefined
    segment.open?.delete(request)
    request.result = result
    request.segment = undefined
    if (segment.done === NONE) segment.done = [request]
    else segment.done.push(request)
  }

  /** Passes on all that may come out; returns how many records that were. */
  passOn(out: Output): number {
    let count = 0
    for (let segment = this.#head; segment !== undefined; segment = this.#head) {
      const { done } = segment
      for (const { result, timestamp } of done) out.emit(result, timestamp)
      count += done.length
      segment.done = NONE
      if (isOpen(segment)) break
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
      const { only, open = [], done } = segment
      for (const { value, timestamp } of [...(only === undefined ? open : [only]), ...done])
        items.push({ value, timestamp })
      if (segment.watermark !== undefined) items.push({ watermark: segment.watermark })
    }
    return items
  }

  #append(): Segment {
    const segment: Segment = {
      only: undefined,
      open: this.#ordered ? undefined : new Set(),
      done: NONE,
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
