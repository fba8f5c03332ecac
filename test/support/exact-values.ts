// Numbers that floating point would spoil, within records.

import { Decimal as Plain } from 'decimal.js'
import fc from 'fast-check'
import { Decimal } from '../../src/index.ts'

/** A class as a user has it who configured decimal.js for something else. */
export const ForeignDecimal: typeof Decimal = Plain.clone({ precision: 5, toExpNeg: -2, toExpPos: 3 })

const EDGES = [0n, 5n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n]

/** Bigints of any size, those where a representation ends among them. */
export const bigints: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
)

/** Decimals of up to 65 digits, and extreme ones. */
export const decimals: fc.Arbitrary<Decimal> = fc.oneof(
  fc.constantFrom('0', '1', '-0', '0.1', '1e-2000', '9.99e+5000', '0.000000001').map((text) => new Decimal(text)),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 65n), max: 10n ** 65n }), fc.nat(70))
    .map(([digits, scale]) => new Decimal(`${digits}e-${scale}`)),
)

/** Decimals of a user's own class. */
export const foreignDecimals: fc.Arbitrary<Decimal> = decimals.map((value) => new ForeignDecimal(value))

/** Records with such numbers in fields, lists and maps. */
export const exactRecords: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  number: fc.oneof(bigints, decimals, foreignDecimals, fc.integer(), fc.constantFrom('1.5', null, true)),
  record: fc.dictionary(fc.constantFrom('a', 'b', '$bigint', '$$decimal', 'constructor'), tie('any'), { maxKeys: 3 }),
  any: fc.oneof({ depthSize: 'small' }, tie('number'), fc.array(tie('any'), { maxLength: 3 }), tie('record')),
})).any
