import type { Key } from '../util/key-group.ts'

/** Records on their way: columns of equal length. Never mutated once emitted, for several readers may share it. */
export interface Batch<T = unknown> {
  readonly kind: 'batch'
  readonly values: readonly T[]
  /** Event time of each record in ms since the epoch; undefined where no timestamps were assigned. */
  readonly timestamps: readonly number[] | undefined
  /** The key of each record, behind keyBy; undefined elsewhere. */
  readonly keys: readonly Key[] | undefined
}

export function batchOf<T>(
  values: readonly T[],
  timestamps?: readonly number[] | undefined,
  keys?: readonly Key[] | undefined,
): Batch<T> {
  return { kind: 'batch', values, timestamps, keys }
}

/** How many records a batch holds when nothing else closes it first. */
export const BATCH_RECORDS = 1024
