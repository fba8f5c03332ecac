// records: a record whole: key, value, headers, time and place.

import type { KafkaHeaders, KafkaRecord } from '../records/kafka-record.ts'
import type { ReadFormat, ValueFormat, WriteFormat, WrittenRecord } from './format.ts'

/** A record with its key and value decoded; null where it has none. */
export interface TypedRecord<Key, Value> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Key | null
  readonly value: Value | null
  readonly headers: KafkaHeaders
}

/** A record to write, with its key and value to encode. A TypedRecord that was read is one. */
export interface OutgoingRecord<Key, Value> extends Omit<WrittenRecord, 'key' | 'value'> {
  readonly key?: Key | null
  /** null is a tombstone. */
  readonly value: Value | null
}

/** Formats of a record's two parts. */
export interface RecordParts<Key, Value> {
  readonly key: ValueFormat<Key>
  readonly value: ValueFormat<Value>
}

/**
 * Records as they are, tombstones too: key and value as bytes, or each in a format of its own: `records({ key: text(), value: json<Order>() })`.
 * What is written keeps topic, partition, time and headers where it has them.
 */
export function records(): ReadFormat<KafkaRecord> & WriteFormat<WrittenRecord>
export function records<Key, Value>(
  parts: RecordParts<Key, Value>,
): ReadFormat<TypedRecord<Key, Value>> & WriteFormat<OutgoingRecord<Key, Value>>
export function records<Key, Value>(
  parts?: RecordParts<Key, Value>,
): ReadFormat<KafkaRecord | TypedRecord<Key, Value>> & WriteFormat<WrittenRecord & OutgoingRecord<Key, Value>> {
  if (parts === undefined) return { read: (record, out) => void out.push(record), write: placed }
  const { key, value } = parts
  return {
    async open() {
      await key.open?.()
      await value.open?.()
    },
    read(record, out) {
      const { topic, partition, offset, timestampMs, headers } = record
      out.push({
        topic,
        partition,
        offset,
        timestampMs,
        key: record.key === null ? null : decodeKey(key, record.key),
        value: record.value === null ? null : value.decode(record.value),
        headers,
      })
    },
    write: (record: OutgoingRecord<Key, Value>) =>
      placed({
        ...record,
        key: record.key === null || record.key === undefined ? null : key.encode(record.key),
        value: record.value === null ? null : value.encode(record.value),
      }),
  }
}

function decodeKey<Key>(format: ValueFormat<Key>, bytes: Buffer): Key {
  try {
    return format.decode(bytes)
  } catch (error) {
    throw new Error(`the key: ${(error as Error).message}`, { cause: error })
  }
}

/** Without the time -1, which a record has that was written without one: a sink then gives it its own. */
function placed(record: WrittenRecord): WrittenRecord {
  if (record.timestampMs !== -1) return record
  const { timestampMs, ...rest } = record
  return rest
}
