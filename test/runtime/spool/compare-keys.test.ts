// The order of keys within a spool: total, and equal exactly where keys are the same key.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys, sameKey } from '../../../runtime/spool/compare-keys.ts'
import { canonicalKey, type Key } from '../../../src/util/key-group.ts'

const { key } = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Key>(0, -0, 1, 1.5, '1', '', 'a', '\0', true, false, 0n, 1n, [], Number.NEGATIVE_INFINITY),
    fc.integer(),
    fc.string({ maxLength: 3 }),
    fc.array(tie('key'), { maxLength: 3 }),
  ),
}))

test('says 0 for the same key only, and orders all others one way', () => {
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      const same = canonicalKey(a) === canonicalKey(b)
      expect(compareKeys(a, b) === 0).toBe(same)
      expect(sameKey(a, b)).toBe(same)
      expect(Math.sign(compareKeys(a, b))).toBe(0 - Math.sign(compareKeys(b, a)))
      if (compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0) expect(compareKeys(a, c)).toBeLessThanOrEqual(0)
    }),
    { numRuns: 3000 },
  )
})
