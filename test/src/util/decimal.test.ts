import { Decimal as Plain } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Decimal, divideDecimal, roundDecimal } from '../../../src/index.ts'
import { addDecimals, decimalText, isDecimal } from '../../../src/util/decimal.ts'
import { hashKey } from '../../../src/util/key-group.ts'
import { decimals, ForeignDecimal } from '../../support/exact-values.ts'

const money = (scaleMax: number) =>
  fc.tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.nat(scaleMax)).map(([n, scale]) => ({ n, scale }))
const decimalOf = ({ n, scale }: { n: bigint; scale: number }): Decimal => new Decimal(`${n}e-${scale}`)

describe('Decimal', () => {
  test('cannot be configured, neither through decimal.js nor itself; clones can', () => {
    Plain.set({ precision: 3, rounding: Plain.ROUND_UP })
    expect(new Decimal(1).div(3).toString()).toHaveLength(162)
    Plain.set({ defaults: true })
    expect(() => Decimal.set({ precision: 3 })).toThrow('Decimal.clone')
    expect(() => Decimal.config({ precision: 3 })).toThrow('Decimal.clone')
    const Coarse = Decimal.clone({ precision: 3 })
    expect(new Coarse(1).div(3).toString()).toBe('0.333')
  })

  test('adds exactly whatever fits into DECIMAL(65,30), and refuses to round', () => {
    const dear = new Decimal('99999999999999999999999999999999999.999999999999999999999999999999')
    const product = dear.times(dear)
    expect(addDecimals(product, product).eq(product.times(2))).toBe(true)
    expect(product.precision()).toBe(130)
    expect(() => addDecimals(new Decimal('1e200'), new Decimal(1))).toThrow(/more than 160 digits/)
    expect(addDecimals(new Decimal('1e200'), new Decimal(0)).toString()).toBe(`1${'0'.repeat(200)}`)
  })

  test('isDecimal tells Decimals of any class from data that only looks like one', () => {
    expect([new Decimal(1), new Plain(1), new ForeignDecimal(1)].every(isDecimal)).toBe(true)
    expect([1, '1', null, undefined, {}, { toStringTag: '[object Decimal]' }].some(isDecimal)).toBe(false)
  })

  test('has one text for one number, with all digits', () => {
    fc.assert(
      fc.property(decimals, (value) => {
        expect(decimalText(new ForeignDecimal(value))).toBe(decimalText(value))
        expect(new Decimal(decimalText(value)).eq(value)).toBe(true)
      }),
    )
    expect([new Decimal('1.50'), new Decimal('-0'), new Decimal('1e30'), new Decimal('1e-9')].map(decimalText)).toEqual(
      ['1.5', '0', '1000000000000000000000000000000', '0.000000001'],
    )
  })

  test('is no key, and its text is what to use', () => {
    expect(() => hashKey(new Decimal('1.5') as never)).toThrow(/1\.5 \(a Decimal: use its text, \.toString\(\)\)/)
  })
})

describe('roundDecimal', () => {
  test.each([
    ['half-up', '2.5', '3', '-2.5', '-3'],
    ['half-even', '2.5', '2', '-3.5', '-4'],
    ['up', '2.1', '3', '-2.1', '-3'],
    ['down', '2.9', '2', '-2.9', '-2'],
    ['floor', '2.9', '2', '-2.1', '-3'],
    ['ceiling', '2.1', '3', '-2.9', '-2'],
  ] as const)('%s', (rounding, a, roundedA, b, roundedB) => {
    expect(roundDecimal(new Decimal(a), 0, rounding).toString()).toBe(roundedA)
    expect(roundDecimal(new Decimal(b), 0, rounding).toString()).toBe(roundedB)
  })

  test('is half up, away from zero, unless told otherwise', () => {
    expect(roundDecimal(new Decimal('0.125'), 2).toString()).toBe('0.13')
    expect(roundDecimal(new Decimal('-0.125'), 2).toString()).toBe('-0.13')
  })
})

describe('divideDecimal', () => {
  // q = floor(|a| * 10^scale / |b|), exactly, in bigints: then the rule that each rounding stands for.
  const model = (
    a: { n: bigint; scale: number },
    b: { n: bigint; scale: number },
    scale: number,
    rounding: string,
  ): Decimal => {
    const negative = a.n < 0n !== b.n < 0n
    const top = (a.n < 0n ? -a.n : a.n) * 10n ** BigInt(scale + b.scale)
    const bottom = (b.n < 0n ? -b.n : b.n) * 10n ** BigInt(a.scale)
    const [q, rest] = [top / bottom, top % bottom]
    const twice = 2n * rest
    const up =
      rounding === 'up' ||
      rounding === (negative ? 'floor' : 'ceiling') ||
      (rounding.startsWith('half') &&
        (twice > bottom || (twice === bottom && (rounding === 'half-up' || q % 2n === 1n))))
    const digits = rest !== 0n && up ? q + 1n : q
    return new Decimal(`${negative ? '-' : ''}${digits}e-${scale}`)
  }

  test('rounds once, whatever the rounding', () => {
    const nonZero = money(10).filter(({ n }) => n !== 0n)
    const halves = fc.tuple(fc.bigInt({ min: -1000n, max: 1000n }), fc.nat(3)).map(([n, scale]) => ({ n, scale }))
    const roundings = fc.constantFrom('half-up', 'half-even', 'up', 'down', 'floor', 'ceiling' as const)
    const divisors = fc.oneof(
      nonZero,
      halves.filter(({ n }) => n !== 0n),
      fc.constantFrom({ n: 2n, scale: 0 }, { n: 8n, scale: 1 }),
    )
    fc.assert(
      fc.property(fc.oneof(money(30), halves), divisors, fc.nat(12), roundings, (a, b, scale, rounding) => {
        const quotient = divideDecimal(decimalOf(a), decimalOf(b), scale, rounding)
        expect(quotient.toFixed()).toBe(model(a, b, scale, rounding).toFixed())
      }),
      { numRuns: 3000, examples: [[{ n: -100n, scale: 0 }, { n: -201n, scale: 0 }, 0, 'half-up']] },
    )
  })

  test('by zero is infinite, as in decimal.js', () => {
    expect(divideDecimal(new Decimal(1), new Decimal(0), 2).toString()).toBe('Infinity')
  })
})
