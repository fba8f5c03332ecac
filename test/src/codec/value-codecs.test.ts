import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../../../src/codec/json-codec.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'

const through = (value: unknown): unknown => msgpackCodec.decode(msgpackCodec.encode(value))

describe('msgpackCodec', () => {
  test.each([
    ['a Map, also nested', new Map<unknown, unknown>([[1, new Map([['x', { a: 1 }]])]])],
    ['an object beside a Map', [{ a: 1 }, new Map([['a', 1]])]],
    ['a Set', new Set([1, 'a'])],
    ['dates', [new Date(0), new Date(-1.5e12), new Date(1.7e12 + 0.5)]],
    ['bigints of any size', [5n, -(2n ** 63n), 2n ** 63n, 2n ** 200n, -(2n ** 200n)]],
    ['bytes', new Uint8Array([0, 255])],
    ['null and nested undefined', { a: undefined, b: null, c: [undefined, null] }],
    ['a long string', 'ä€😀'.repeat(10_000)],
  ])('keeps %s', (_what, value) => {
    expect(through(value)).toStrictEqual(value)
  })

  test('keeps any plain data', () => {
    const key = fc.string().filter((name) => name !== '__proto__')
    const data = fc.object({
      key,
      values: [fc.string(), fc.integer(), fc.double(), fc.boolean(), fc.constant(null)],
      maxDepth: 3,
    })
    fc.assert(
      fc.property(data, (value) => {
        expect(through(value)).toEqual(deepPositive(value))
      }),
    )
  })

  test('gives back an independent value each time', () => {
    const bytes = msgpackCodec.encode({ list: [1] })
    const first = msgpackCodec.decode(bytes)
    msgpackCodec.encode({ something: 'else'.repeat(100) })
    first.list.push(2)
    expect(msgpackCodec.decode(bytes)).toEqual({ list: [1] })
  })

  test('refuses functions and symbols', () => {
    expect(() => msgpackCodec.encode(() => 1)).toThrow('a function cannot be kept')
    expect(() => msgpackCodec.encode({ a: [() => 1] })).toThrow('a function cannot be kept')
    expect(() => msgpackCodec.encode({ a: Symbol('x') })).toThrow()
    expect(through({ still: 'works' })).toEqual({ still: 'works' })
  })
})

describe('jsonCodec', () => {
  test('keeps JSON and writes it readably', () => {
    const value = { a: [1, 'ä', null] }
    expect(Buffer.from(jsonCodec.encode(value)).toString()).toBe('{"a":[1,"ä",null]}')
    expect(jsonCodec.decode(jsonCodec.encode(value))).toEqual(value)
  })

  test.each([undefined, () => 1, Symbol('x')])('refuses what JSON has no text for', (value) => {
    expect(() => jsonCodec.encode(value)).toThrow(/JSON has no text/)
  })
})

/** msgpack writes -0 as the integer 0. */
function deepPositive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepPositive)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deepPositive(item)]))
  }
  return Object.is(value, -0) ? 0 : value
}
