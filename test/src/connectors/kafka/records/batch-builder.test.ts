import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { BatchBuilder, type Bytes } from '../../../../../src/connectors/kafka/records/batch-builder.ts'
import { openReadCodecs } from '../../../../../src/connectors/kafka/records/codecs.ts'
import { stampBatch } from '../../../../../src/connectors/kafka/records/record-batch.ts'
import { build, fetched, NO_PRODUCER, placed, plain, readAll, type Written } from './batches.ts'

await openReadCodecs()

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 20 }))
const bytes: fc.Arbitrary<Bytes> = fc.oneof(text, fc.uint8Array({ maxLength: 300 }), fc.constant(null))
const timestampMs = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.integer({ min: -1, max: 8_640_000_000_000_000 }),
)
const written: fc.Arbitrary<Written> = fc.record({
  key: bytes,
  value: bytes,
  timestampMs,
  headers: fc.array(fc.tuple(text, bytes), { maxLength: 3 }),
})
const compression = fc.constantFrom('none', 'gzip', 'snappy', 'lz4', 'zstd')

const asRead = (part: Bytes): Buffer | null => (part === null ? null : Buffer.from(part as string))

it('gives back what was put in: compressed or not, taken in pieces of any size, from any offset', () => {
  void fc.assert(
    fc.property(
      fc.array(written, { minLength: 1, maxLength: 40 }),
      compression,
      fc.nat(2 ** 40),
      fc.nat(50),
      fc.integer({ min: 1, max: 50 }),
      (records, packed, base, skip, step) => {
        const read = readAll(fetched(placed(build(records, NO_PRODUCER, packed), base), base + skip), step)
        const expected = records.map(({ key, value, timestampMs: at, headers }, i) => ({
          topic: 't',
          partition: 3,
          offset: base + i,
          timestampMs: at,
          key: asRead(key),
          value: asRead(value),
          headers: headers.map(([name, header]) => [Buffer.from(name).toString(), asRead(header)]),
        }))
        expect(read).toEqual(expected.slice(skip))
      },
    ),
  )
})

it('I1: leaves alone what it has handed over, while it builds the next', () => {
  const builder = new BatchBuilder('none')
  builder.append('a', 'first', 1, [])
  const first = builder.finish(NO_PRODUCER)
  const copy = Buffer.from(first)
  expect(builder.records).toBe(0)
  builder.append('b', 'second', 2, [])
  const second = builder.finish(NO_PRODUCER)
  expect(first).toEqual(copy)
  expect(readAll(fetched(second)).map(({ key, timestampMs: at }) => [key?.toString(), at])).toEqual([['b', 2]])
})

it('I2: stays as it was when an append throws', () => {
  const builder = new BatchBuilder('none')
  builder.append('a', 'first', 1, [])
  const before = builder.bytes
  // As a caller without types may do.
  expect(() => builder.append('b', 7 as never, 1, [])).toThrow(Error)
  expect([builder.records, builder.bytes]).toEqual([1, before])
  expect(readAll(fetched(builder.finish(NO_PRODUCER)))).toHaveLength(1)
})

it('refuses to finish without a record', () => {
  expect(() => new BatchBuilder('none').finish(NO_PRODUCER)).toThrow('a record batch has a record')
})

it('says how many bytes it has, before compression', () => {
  const builder = new BatchBuilder('gzip')
  for (let i = 0; i < 100; i += 1) builder.append(null, 'x'.repeat(200), 1, [])
  expect(builder.bytes).toBeGreaterThan(20_000)
  expect(builder.finish(NO_PRODUCER).length).toBeLessThan(1_000)
  expect(builder.bytes).toBeLessThan(100)
})

it('is put under another producer as if it had been built for it', () => {
  const records = [plain('a'), plain('b')]
  const [one, other] = [
    { id: 7, epoch: 1, sequence: 40, transactional: true },
    { id: 2 ** 40, epoch: 0, sequence: 0, transactional: false },
  ]
  for (const [before, after] of [
    [one, other],
    [other, one],
  ] as const) {
    const batch = build(records, before)
    stampBatch(batch, after)
    expect(batch).toEqual(build(records, after))
  }
})
