// JSON read exactly: as JSON.parse where that does not round, with all digits where it would.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExactJson } from '../../../src/codec/exact-json.ts'
import { exactJsonText, jsonText } from '../../../src/codec/json-text.ts'
import { Decimal } from '../../../src/util/decimal.ts'
import { bigints, decimals } from '../../support/exact-values.ts'

const LONG = '12345678901234567890'

/** A double that JSON.stringify writes as an integer of more digits than a double is sure of. */
const hasBigText = (one: unknown): boolean =>
  typeof one === 'number' && !Number.isSafeInteger(one) && /^-?\d+$/.test(String(one))

describe('parseExactJson', () => {
  test.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-18446744073709551616', -18446744073709551616n],
    ['0.1000000000000000055511151231257827', new Decimal('0.1000000000000000055511151231257827')],
    ['1e400', new Decimal('1e400')],
    ['1.7976931348623157e+308', Number.MAX_VALUE],
    ['5e-324', Number.MIN_VALUE],
    ['-0', -0],
    ['0.30000000000000004', 0.1 + 0.2],
    ['100000000000000000000.5', new Decimal('100000000000000000000.5')],
  ])('%s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value)
    expect(parseExactJson(` [ ${text} , { "a" : ${text} } ] `)).toEqual([value, { a: value }])
  })

  test('anything but numbers is as JSON.parse has it, also beside long ones', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 1, '\t'), (value, space) => {
        const text = JSON.stringify([value, 'x'], null, space)
        const exact = parseExactJson(text.replace(/"x"(?=\s*\]$)/, LONG)) as unknown[]
        const plain = JSON.parse(text, (_name, one: unknown) =>
          hasBigText(one) ? BigInt(String(one)) : one,
        ) as unknown[]
        expect(exact).toEqual([plain[0], BigInt(LONG)])
      }),
    )
  })

  test('bigints come back from their text', () => {
    fc.assert(
      fc.property(fc.array(bigints), (values) => {
        const back = parseExactJson(jsonText(values) as string) as (number | bigint)[]
        expect(back.map(BigInt)).toEqual(values)
        for (const one of back) expect(typeof one === 'number').toBe(Number.isSafeInteger(Number(one)))
      }),
    )
  })

  test('__proto__ is a field, and pollutes nothing', () => {
    const value = parseExactJson(`{"__proto__":{"polluted":${LONG}},"a\\"\\\\":1}`) as object
    expect(Object.entries(value)).toEqual([
      ['__proto__', { polluted: BigInt(LONG) }],
      ['a"\\', 1],
    ])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test.each(['', '{', '[1,]', '01', `{"a":${LONG}`, `${LONG}x`, 'NaN'])('refuses %s', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError)
  })

  test('refuses what is nested too deep, rather than run out of stack', () => {
    const deep = (levels: number) => '['.repeat(levels) + LONG + ']'.repeat(levels)
    expect(parseExactJson(deep(1000))).toBeDefined()
    expect(() => parseExactJson(deep(5000))).toThrow('JSON is nested deeper than 1000 levels')
  })
})

describe('exactJsonText', () => {
  const numbers = fc.oneof(bigints, decimals, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())

  test('what it writes is read as the same number, Decimals too', () => {
    fc.assert(
      fc.property(fc.array(numbers), (list) => {
        const back = parseExactJson(exactJsonText({ list }) ?? '') as { list: typeof list }
        expect(back.list.map((one) => new Decimal(String(one)))).toEqual(list.map((one) => new Decimal(String(one))))
      }),
    )
  })

  test('a bigint stays one where it must, and a Decimal is never read as one', () => {
    expect(parseExactJson(exactJsonText(2n ** 64n) ?? '')).toBe(2n ** 64n)
    expect(parseExactJson(exactJsonText(new Decimal('18446744073709551616')) ?? '')).toEqual(
      new Decimal('18446744073709551616'),
    )
  })

  test('anything else is as jsonText() writes it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(exactJsonText(value) ?? '')).toEqual(JSON.parse(jsonText(value) ?? ''))
      }),
    )
    expect(exactJsonText(undefined)).toBeUndefined()
    expect(() => exactJsonText([Number.POSITIVE_INFINITY])).toThrow('Infinity, which JSON has no number for')
  })
})
