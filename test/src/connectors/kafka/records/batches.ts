// Record batches for tests: by our builder, and by hand with fields that a producer cannot set.

import {
  BatchBuilder,
  type Bytes,
  type HeadersToWrite,
} from '../../../../../src/connectors/kafka/records/batch-builder.ts'
import type { Compression } from '../../../../../src/connectors/kafka/records/codecs.ts'
import { FetchedRecords } from '../../../../../src/connectors/kafka/records/fetched-records.ts'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'
import {
  ATTRIBUTE,
  type BatchProducer,
  FIELD,
  writeInt64,
} from '../../../../../src/connectors/kafka/records/record-batch.ts'
import { crc32c } from '../../../../../src/util/crc32c.ts'

export interface Written {
  readonly key: Bytes
  readonly value: Bytes
  readonly timestampMs: number
  readonly headers: HeadersToWrite
}

export const NO_PRODUCER: BatchProducer = { id: -1, epoch: -1, sequence: -1, transactional: false }

export const plain = (value: string): Written => ({ key: null, value, timestampMs: 1_000, headers: [] })

export function build(
  records: readonly Written[],
  producer: BatchProducer = NO_PRODUCER,
  compression: Compression = 'none',
): Buffer {
  const builder = new BatchBuilder(compression)
  for (const { key, value, timestampMs, headers } of records) builder.append(key, value, timestampMs, headers)
  return builder.finish(producer)
}

/** As the broker would store it: from this offset on; `lastOffset` where the cleaner has taken records from the end. */
export function placed(batch: Buffer, baseOffset: number, lastOffset?: number): Buffer {
  const copy = Buffer.from(batch)
  writeInt64(copy, FIELD.baseOffset, baseOffset)
  if (lastOffset !== undefined) copy.writeInt32BE(lastOffset - baseOffset, FIELD.lastOffsetDelta)
  return sealed(copy)
}

/** With the CRC of what it holds now. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, FIELD.attributes), FIELD.crc)
  return batch
}

/** The marker that ends a transaction. */
export function marker(producerId: number, offset: number, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  const record = { key, value: Buffer.from([0, 0, 0, 0, 0, 0]), timestampMs: 1_000, headers: [] }
  const batch = build([record], { id: producerId, epoch: 0, sequence: -1, transactional: true })
  batch.writeInt16BE(ATTRIBUTE.control | ATTRIBUTE.transactional, FIELD.attributes)
  return placed(batch, offset)
}

/** All that is in the bytes, taken `step` records at a time. */
export function readAll(fetched: FetchedRecords, step = 1_000): KafkaRecord[] {
  const out: KafkaRecord[] = []
  while (!fetched.done) fetched.take(step, out)
  return out
}

export const fetched = (bytes: Buffer, from = 0): FetchedRecords => new FetchedRecords('t', 3, bytes, from, [])
