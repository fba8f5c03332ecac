// Records as a source gives them, of what a format wrote.

import type { ReadFormat, WriteFormat, WrittenRecord } from '../../../../../src/connectors/kafka/formats/format.ts'
import type { KafkaRecord } from '../../../../../src/connectors/kafka/records/kafka-record.ts'

/** A record at offset 7 of partition 3 of `shop`, unless told otherwise. */
export function record(parts: Partial<KafkaRecord> = {}): KafkaRecord {
  const place = { topic: 'shop', partition: 3, offset: 7, timestampMs: 1_700_000_000_000 }
  return { ...place, key: null, value: null, headers: [], ...parts }
}

export function bytesOf(data: string | Uint8Array | null | undefined): Buffer | null {
  if (data === null || data === undefined) return null
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** What a broker would give back of it. */
export function stored({ key, value, timestampMs, headers = [], ...place }: WrittenRecord): KafkaRecord {
  const list = Array.isArray(headers) ? headers : Object.entries(headers)
  return record({
    ...place,
    ...(timestampMs === undefined ? {} : { timestampMs }),
    key: bytesOf(key),
    value: bytesOf(value),
    headers: list.map(([name, data]) => [name, bytesOf(data)] as const),
  })
}

/** Everything that a format reads of a record. */
export function readAll<T>(format: ReadFormat<T>, one: KafkaRecord): T[] {
  const out: T[] = []
  format.read(one, out)
  return out
}

/** The only value of what was written of it. */
export function thereAndBack<T>(format: ReadFormat<T> & WriteFormat<T>, value: T): T {
  const [back] = readAll(format, stored(format.write(value)))
  return back as T
}

/** What reading these bytes as a value says is wrong. */
export function refusal(format: ReadFormat<unknown>, value: string | Uint8Array | null): string {
  const out: unknown[] = []
  try {
    format.read(record({ value: bytesOf(value) }), out)
  } catch (error) {
    return out.length === 0 ? (error as Error).message : 'something was read all the same'
  }
  return `nothing: it read ${JSON.stringify(out)}`
}
