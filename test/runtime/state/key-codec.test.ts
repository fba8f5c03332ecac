import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteReader } from '../../../runtime/state/byte-reader.ts'
import { ByteWriter } from '../../../runtime/state/byte-writer.ts'
import { readKey, readUserKey, writeKey, writeUserKey } from '../../../runtime/state/key-codec.ts'
import { afterPrefix } from '../../../runtime/state/row-key.ts'
import { canonicalKey, type Key } from '../../../src/util/key-group.ts'

const simple = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\ud800', 'a\udfff', ''),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.bigInt(),
  fc.boolean(),
)
const anyKey: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof({ depthSize: 'small' }, simple, fc.array(tie('key'), { maxLength: 3 })),
})).key

function bytesOf(write: (into: ByteWriter) => void): Buffer {
  const out = new ByteWriter(8)
  write(out)
  return out.copy()
}

describe('keys in rows', () => {
  test('come back as they were (-0 as 0)', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const back = readKey(new ByteReader(bytesOf((out) => writeKey(key, out))))
        expect(canonicalKey(back)).toBe(canonicalKey(key))
      }),
    )
  })

  test('differ exactly if the keys differ', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const same = bytesOf((out) => writeKey(a, out)).equals(bytesOf((out) => writeKey(b, out)))
        expect(same).toBe(canonicalKey(a) === canonicalKey(b))
      }),
    )
  })
})

describe('keys within a map', () => {
  const userKey = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.string(), fc.constant('\ud800'))

  test('come back, and NaN too', () => {
    fc.assert(
      fc.property(fc.oneof(userKey, fc.constant(Number.NaN)), (key) => {
        const back = readUserKey(new ByteReader(bytesOf((out) => writeUserKey(key, out))))
        expect(back).toBe(typeof key === 'number' ? key + 0 : key)
      }),
    )
  })

  test('sort as numbers do, before strings', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.oneof(fc.double({ noNaN: true }), fc.string()), (a, b) => {
        const order = Buffer.compare(
          bytesOf((out) => writeUserKey(a, out)),
          bytesOf((out) => writeUserKey(b, out)),
        )
        expect(order).toBe(typeof b === 'string' ? -1 : Math.sign(a + 0 === b + 0 ? 0 : a < b ? -1 : 1))
      }),
    )
  })
})

test('the end of a prefix comes after all that begin with it, and before what does not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.uint8Array({ maxLength: 6 }), (prefix, other) => {
      fc.pre(prefix.some((byte) => byte !== 255))
      const end = afterPrefix(Buffer.from(prefix))
      const begins = Buffer.from(other.subarray(0, prefix.length)).equals(Buffer.from(prefix))
      const within = Buffer.compare(other, prefix) >= 0 && Buffer.compare(other, end) < 0
      expect(within).toBe(begins)
    }),
  )
})
