import { expect, it } from 'vitest'
import { kilobyteAt, numberOf, rowAt, VALUE_BYTES, valueAt } from '../../benchmarks/relay/records.ts'

it.each([0, 7, 1_999_999, 4_000_000_000])('the value of record %i has its number and its size', (i) => {
  const value = Buffer.from(valueAt(i))
  expect(value.length).toBe(VALUE_BYTES)
  expect(numberOf(value)).toBe(i)
})

it('buffers and rows are as large as they say', () => {
  expect(kilobyteAt(12_345).length).toBe(1_024)
  const bytes = Array.from({ length: 1_000 }, (_, i) => JSON.stringify(rowAt(i * 997)).length)
  expect(bytes.filter((count) => Math.abs(count - 200) > 10)).toEqual([])
})
