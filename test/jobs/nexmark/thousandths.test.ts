import fc from 'fast-check'
import { expect, test } from 'vitest'
import { thousandths } from '../../../jobs/nexmark/thousandths.ts'

test.each([
  [0, '0.000'],
  [7, '0.007'],
  [908, '0.908'],
  [29_537, '29.537'],
  [90_800_000_000, '90800000.000'],
  [Number.MAX_SAFE_INTEGER, '9007199254740.991'],
])('%i thousandths are %s', (value, text) => {
  expect(thousandths(value)).toBe(text)
})

test('no digit is lost', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => Number(thousandths(value).replace('.', '')) === value))
})
