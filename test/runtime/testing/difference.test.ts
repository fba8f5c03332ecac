import { expect, test } from 'vitest'
import { differenceOf } from '../../../runtime/testing/difference.ts'
import { Decimal } from '../../../src/util/decimal.ts'
import { ForeignDecimal } from '../../support/exact-values.ts'

const symbol = Symbol('s')

test.each([
  ['bigints and numbers', [1n], [1]],
  ['Decimals and numbers', [{ price: new Decimal(1) }], [{ price: 1 }]],
  ['Decimals and texts', [new Decimal(1)], ['1']],
  ['two Decimals', [new Decimal('0.1')], [new Decimal('0.10000000000000000001')]],
  ['what only symbols name', [{ [symbol]: 1, d: new Decimal(1) }], [{ [symbol]: 2, d: new Decimal(1) }]],
])('tells apart %s', (_what, expected, actual) => {
  for (const anyOrder of [false, true]) expect(differenceOf({ expected, actual, anyOrder })).toBeDefined()
})

test('takes Decimals for equal by their number, whatever class they are of', () => {
  const records = (value: (text: string) => Decimal) => [
    { price: value('1.50'), all: [value('1e-9')], map: new Map([[value('1'), 1]]), set: new Set([value('1')]) },
    value('12345678901234567890'),
  ]
  const expected = records((text) => new ForeignDecimal(text))
  const actual = records((text) => new Decimal(text))
  expect(differenceOf({ expected, actual })).toBeUndefined()
  expect(differenceOf({ expected, actual: [...actual].reverse(), anyOrder: true })).toBeUndefined()
})

test('shows what is a Decimal', () => {
  const difference = differenceOf({ expected: [{ price: new Decimal('1.50') }], actual: [{ price: 1.5 }] })
  expect(difference).toContain('- { price: Decimal 1.5 }')
  expect(difference).toContain('+ { price: 1.5 }')
})

test('compares records that refer to themselves', () => {
  const ring: Record<string, unknown> = { n: 1 }
  ring.self = ring
  const other: Record<string, unknown> = { n: 2 }
  other.self = other
  expect(differenceOf({ expected: [ring], actual: [ring], anyOrder: true })).toBeUndefined()
  expect(differenceOf({ expected: [ring], actual: [other] })).toContain('differ from record 1')
})
