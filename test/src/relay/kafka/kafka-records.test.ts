import fc from 'fast-check'
import { expect, it } from 'vitest'
import { kafkaRecords } from '../../../../src/relay/kafka/kafka-records.ts'
import {
  byTopic,
  byTopicHash,
  noticeOf,
  noticeRecord,
  type RelayedKafka,
} from '../../../../src/relay/kafka/relayed-kafka.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 80 }).map((part) => Buffer.from(part)))
const record: fc.Arbitrary<RelayedKafka> = fc.record({
  topic: fc.constantFrom('orders', 'shop.payments', 't'),
  partition: fc.oneof(fc.nat(3), fc.integer({ min: -1, max: 2 ** 31 - 1 })),
  offset: fc.oneof(
    fc.nat(100),
    fc.maxSafeNat().map((n) => Math.floor(n / 2)),
  ),
  timestampMs: fc.oneof(fc.integer({ min: -1, max: 4_000_000_000_000 }), fc.constant(2 ** 51)),
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), bytes), { maxLength: 4 }),
  site: fc.constantFrom('a', 'b'),
})

const round = (records: readonly RelayedKafka[]): RelayedKafka[] => kafkaRecords.decode(kafkaRecords.encode(records))

it('gives back what was written, record for record', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60, size: 'max' }), (records) => {
      expect(round(records)).toEqual(records)
    }),
  )
})

it('tells null from empty, and takes records of 8 MB and tens of thousands', () => {
  const one = { topic: 't', partition: 0, timestampMs: 5, headers: [], site: 'a' }
  const large = { ...one, offset: 1, key: Buffer.alloc(0), value: Buffer.alloc(8 << 20, 'x') }
  const [read, tombstone] = round([large, { ...one, offset: 2, key: null, value: null, headers: [['h', null]] }])
  expect([read?.key?.length, read?.value?.equals(large.value)]).toEqual([0, true])
  expect(tombstone).toMatchObject({ key: null, value: null, headers: [['h', null]] })
  const many = Array.from({ length: 50_000 }, (_, i) => ({ ...one, offset: i, key: null, value: Buffer.from(`${i}`) }))
  expect(round(many)).toEqual(many)
})

it('keeps a record without what it came in', () => {
  const fetched = Buffer.alloc(1 << 20, 'fetched ')
  const view = fetched.subarray(100, 120)
  const place = { topic: 't', partition: 0, offset: 1, timestampMs: 1, site: 'a' }
  const one: RelayedKafka = {
    ...place,
    key: view,
    value: view,
    headers: [
      ['h', view],
      ['null', null],
    ],
  }
  const kept = kafkaRecords.keep?.(one)
  expect(kept).toEqual(one)
  for (const part of [kept?.key, kept?.value, kept?.headers[0]?.[1]]) expect(part?.buffer).not.toBe(fetched.buffer)
  const empty: RelayedKafka = { ...place, key: null, value: Buffer.alloc(0), headers: [] }
  expect(kafkaRecords.keep?.(empty)).toEqual(empty)
})

it('gives views of the batch, which it does not write to again', () => {
  const value = (text: string): RelayedKafka => ({
    ...{ topic: 't', partition: 0, offset: 1, timestampMs: 1, key: null, headers: [], site: 'a' },
    value: Buffer.from(text),
  })
  const batch = kafkaRecords.encode([value('first')])
  kafkaRecords.encode([value('other')])
  const [read] = kafkaRecords.decode(batch)
  expect(String(read?.value)).toBe('first')
  expect(read?.value?.buffer).toBe(batch.buffer)
})

it('throws RangeError on every torn or changed batch that it cannot read', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(255), (records, seed, byte) => {
      const batch = Buffer.from(kafkaRecords.encode(records))
      expect(() => kafkaRecords.decode(batch.subarray(0, seed % batch.length))).toThrow(RangeError)
      expect(() => kafkaRecords.decode(Buffer.concat([batch, Buffer.alloc(1)]))).toThrow(RangeError)
      batch[seed % batch.length] = byte
      try {
        kafkaRecords.decode(batch)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }),
  )
})

it('carries notices among records, in the stream of their topic', () => {
  const topic = { kind: 'topic', topic: 'orders', partitions: 3, config: { 'cleanup.policy': 'compact' } } as const
  const group = { kind: 'group', group: 'g', topic: 'orders', offsets: [[1, 5]], atMs: 7 } as const
  const records = [noticeRecord('a', topic), noticeRecord('a', group)]
  expect(round(records).map(noticeOf)).toEqual([topic, group])
  expect(records.map(byTopic)).toEqual(['orders', 'orders'])
  const bad = { ...records[0], value: Buffer.from('{"kind":"topic"}') } as RelayedKafka
  expect(() => noticeOf(bad)).toThrow(/site "a" has sent a notice of topic "orders"/)
  const hashed = byTopicHash(4)
  expect(hashed({ ...records[0], partition: 0 } as RelayedKafka)).toMatch(/^topics-[0-3]$/)
  expect(hashed(records[0] as RelayedKafka)).toBe(hashed({ ...records[0], partition: 2 } as RelayedKafka))
  expect(() => byTopicHash(0)).toThrow(RangeError)
})
