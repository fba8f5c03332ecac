import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { murmur2, partitionOf } from '../../../../../src/connectors/kafka/records/partitioner.ts'

// From the tests of Java's client.
const KNOWN = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['abc', 479470107],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
] as const

it.each(KNOWN)('hashes %s as Java does', (text, hash) => {
  expect(murmur2(Buffer.from(text)) | 0).toBe(hash)
})

it('gives a key the partition of its UTF-8 bytes, as a string or as bytes, of any length', () => {
  const key = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', minLength: 200, maxLength: 2_000 }))
  void fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 1_000 }), (text, partitions) => {
      const partition = partitionOf(text, partitions)
      expect(partition).toBe(partitionOf(Buffer.from(text), partitions))
      expect(partition).toBe((murmur2(Buffer.from(text)) & 0x7fffffff) % partitions)
      expect(partition).toBeLessThan(partitions)
    }),
  )
})
