// The record batch of Kafka's message format 2: where its fields are. All versions since 0.11 write it, 4.0 and later nothing else.

import { crc32c } from '../../../util/crc32c.ts'

/** Bytes from the batch's beginning. */
export const FIELD = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  records: 57,
} as const

/** Bytes before the first record. */
export const HEADER_BYTES = 61

/** Bytes that the field `length` does not count: itself and what is before it. */
export const LENGTH_END = 12

export const MAGIC = 2

/** Bits of the field `attributes`. */
export const ATTRIBUTE = { compression: 0x7, logAppendTime: 0x8, transactional: 0x10, control: 0x20 } as const

/** Who sends a batch, and the number of its first record in that producer's sequence for the partition; -1 for not idempotent. */
export interface BatchProducer {
  readonly id: number
  readonly epoch: number
  readonly sequence: number
  readonly transactional: boolean
}

/** Makes a finished batch one of this producer, with its CRC: to send it again after the producer id has changed. */
export function stampBatch(batch: Buffer, { id, epoch, sequence, transactional }: BatchProducer): void {
  const others = batch.readInt16BE(FIELD.attributes) & ~ATTRIBUTE.transactional
  batch.writeInt16BE(transactional ? others | ATTRIBUTE.transactional : others, FIELD.attributes)
  writeInt64(batch, FIELD.producerId, id)
  batch.writeInt16BE(epoch, FIELD.producerEpoch)
  batch.writeInt32BE(sequence, FIELD.baseSequence)
  batch.writeUInt32BE(crc32c(batch, FIELD.attributes), FIELD.crc)
}

/** A whole number; NaN where it is beyond what a number holds exactly. */
export function readInt64(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
  return Number.isSafeInteger(value) ? value : Number.NaN
}

/** A safe integer. */
export function writeInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
  bytes.writeUInt32BE(value >>> 0, at + 4)
}
