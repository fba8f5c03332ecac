import { Decimal as Plain } from 'decimal.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'
import { Decimal } from '../../../src/index.ts'
import { sameValue } from '../../../src/util/same-value.ts'

class Point {
  readonly x = 1
}

const EQUAL: readonly (readonly [unknown, unknown])[] = [
  [0, -0],
  [Number.NaN, Number.NaN],
  [new Decimal('1.50'), new Plain('1.5')],
  [new Decimal(Number.NaN), new Decimal(Number.NaN)],
  [new Date(5), new Date(5)],
  [/a/g, /a/g],
  [
    { a: 1, b: [2n] },
    { b: [2n], a: 1 },
  ],
  [new Point(), { x: 1 }],
  [new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])],
  [new Set([1, 'a']), new Set([1, 'a'])],
  [new Uint8Array([1, 2]), new Uint8Array([0, 1, 2]).subarray(1)],
]

const DIFFERENT: readonly (readonly [unknown, unknown])[] = [
  [1, 1n],
  [1, '1'],
  [1, new Decimal(1)],
  [new Decimal(1), { s: 1, e: 0, d: [1] }],
  [null, undefined],
  [null, {}],
  [{ a: undefined }, {}],
  [{ a: undefined }, { b: undefined }],
  [[1], [1, 2]],
  [[], {}],
  [new Date(5), new Date(6)],
  [new Date(5), 5],
  [/a/, /a/i],
  [new Map([[1, 1]]), new Map([[1, 2]])],
  [new Map(), new Set()],
  [new Set([1]), [1]],
  [new Uint8Array([1]), new Uint8Array([2])],
  [new Uint8Array([1]), new Int8Array([1])],
  [new Uint8Array([1]), [1]],
]

test.each(EQUAL)('%o is the same as %o', (a, b) => {
  expect([sameValue(a, b), sameValue(b, a)]).toEqual([true, true])
})

test.each(DIFFERENT)('%o is not the same as %o', (a, b) => {
  expect([sameValue(a, b), sameValue(b, a)]).toEqual([false, false])
})

test('what was written and read back is the same', () => {
  const data = fc.object({
    key: fc.string().filter((name) => name !== '__proto__'),
    withMap: true,
    withSet: true,
    withBigInt: true,
  })
  fc.assert(
    fc.property(data, (value) => {
      expect(sameValue(msgpackCodec.decode(msgpackCodec.encode(value)), value)).toBe(true)
    }),
  )
})
