import type { Batch } from './batch.ts'

/** No record with a smaller or equal event time follows (late ones excepted). Ms since the epoch. */
export interface Watermark {
  readonly kind: 'watermark'
  readonly timestamp: number
}

/** Cuts the stream: what came before belongs to checkpoint `id`, what comes after to the next. */
export interface Barrier {
  readonly kind: 'barrier'
  readonly id: number
  /** A `final` barrier is the last one: the job stops when its checkpoint is complete. */
  readonly final: boolean
}

/** No batch or watermark follows on this channel. Barriers still do, until the job ends. */
export interface EndOfInput {
  readonly kind: 'end'
}

/** What flows through a channel. */
export type Element<T = unknown> = Batch<T> | Watermark | Barrier | EndOfInput

export const END_OF_INPUT: EndOfInput = { kind: 'end' }
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER
