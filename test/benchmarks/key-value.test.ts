import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyAt, mixHigh } from '../../benchmarks/key-value.ts'

const WORD = (1n << 64n) - 1n

/** splitmix64 as it is written down. */
function splitmix64(i: number): bigint {
  let z = (BigInt(i) + 0x9e3779b97f4a7c15n) & WORD
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & WORD
  return z ^ (z >> 31n)
}

test('the generator is splitmix64, whose upper half spreads the keys', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 50 }), fc.integer({ min: 1, max: 2 ** 31 }), (i, keys) => {
      const high = splitmix64(i) >> 32n
      expect(mixHigh(i) >>> 0).toBe(Number(high))
      expect(keyAt(i, keys)).toBe(Number((high * BigInt(keys)) >> 32n))
    }),
  )
})
