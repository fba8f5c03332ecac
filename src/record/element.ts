import type { Batch } from './batch.ts'

/** No record with a smaller or equal event time follows (late ones excepted). Ms since the epoch. */
export interface Watermark {
  readonly kind: 'watermark'
  readonly timestamp: number
}

/**
 * Whether the sender has anything to say about event time for now: while it is idle, readers do not wait for its watermarks.
 * A sender says that it is active again before it sends records.
 */
export interface StreamStatus {
  readonly kind: 'status'
  readonly idle: boolean
}

/** Cuts the stream: what came before belongs to checkpoint `id`, what comes after to the next. */
export interface Barrier {
  readonly kind: 'barrier'
  readonly id: number
  /** A `final` barrier is the last one: the job stops when its checkpoint is complete. */
  readonly final: boolean
}

/** No batch, watermark or status follows on this channel. Barriers still do, until the job ends. */
export interface EndOfInput {
  readonly kind: 'end'
}

/** What flows through a channel. */
export type Element<T = unknown> = Batch<T> | Watermark | StreamStatus | Barrier | EndOfInput

export const END_OF_INPUT: EndOfInput = { kind: 'end' }
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER
