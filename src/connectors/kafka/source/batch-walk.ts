// What is known of fetched batches from their headers alone, before they are decoded.

import { FIELD, HEADER_BYTES, LENGTH_END, MAGIC, readInt64 } from '../records/record-batch.ts'

/** Where batches of one leader epoch end: the offset behind the last of them. */
export interface EpochEnd {
  readonly epoch: number
  readonly end: number
}

/** The leader epochs of the whole batches in `bytes`, in order; a torn one at the end is left out. Empty without a whole batch. */
export function epochsOf(bytes: Buffer): EpochEnd[] {
  const epochs: EpochEnd[] = []
  let at = 0
  while (at + HEADER_BYTES <= bytes.length) {
    const next = at + LENGTH_END + bytes.readInt32BE(at + FIELD.length)
    if (next > bytes.length || next <= at) break
    const epoch = bytes.readInt32BE(at + FIELD.leaderEpoch)
    const end = readInt64(bytes, at + FIELD.baseOffset) + bytes.readInt32BE(at + FIELD.lastOffsetDelta) + 1
    if (epochs.at(-1)?.epoch === epoch) epochs.pop()
    epochs.push({ epoch, end })
    at = next
  }
  return epochs
}

/** Whether `bytes` begin with a batch of a format before 0.11, whose header says other things: reading it says what is wrong. */
export function isOldFormat(bytes: Buffer): boolean {
  return bytes.length > FIELD.magic && bytes[FIELD.magic] !== MAGIC
}
