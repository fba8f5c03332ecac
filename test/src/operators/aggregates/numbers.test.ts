// What aggregate functions refuse rather than round or guess, and what they make of numbers with a fraction.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AggregateFunction,
  aggregates,
  avg,
  count,
  countDistinct,
  Decimal,
  max,
  maxBy,
  min,
  type Numeric,
  sum,
} from '../../../../src/index.ts'
import { addToExactSum, roundExactSum } from '../../../../src/operators/aggregates/exact-sum.ts'
import { retracting } from '../../../../src/operators/aggregates/retracting.ts'
import { ForeignDecimal } from '../../../support/exact-values.ts'

type Value = Numeric | string | null | undefined
// biome-ignore lint/suspicious/noExplicitAny: values that the types forbid are given on purpose
const given = (value: any): any => value

type Maker = (selector: typeof given) => AggregateFunction<Value, unknown, unknown>
const ONE_VALUE: readonly Maker[] = [sum, avg, min, max, maxBy]

function resultOf(fn: AggregateFunction<Value, unknown, unknown>, values: readonly Value[]): unknown {
  let accumulator = fn.create()
  for (const value of values) accumulator = fn.add(value, accumulator)
  return fn.result(accumulator)
}

describe.each([
  ['as they only add', (fn: AggregateFunction<Value, unknown, unknown>) => fn],
  ['as they take back', (fn: AggregateFunction<Value, unknown, unknown>) => retracting('n', fn)],
])('functions %s', (_name, form) => {
  const sums = form(sum(given))
  const averages = form(avg(given))

  test('nothing, or nothing but NULLs, is null', () => {
    for (const fn of ONE_VALUE) {
      expect(resultOf(form(fn(given)), [])).toBeNull()
      expect(resultOf(form(fn(given)), [null, undefined])).toBeNull()
    }
    expect(resultOf(form(countDistinct(given)), [null])).toBe(0)
    expect(resultOf(form(count()), [null])).toBe(1)
    expect(resultOf(form(count(given)), [null])).toBe(0)
  })

  test('a sum of whole numbers that leaves the safe range is refused', () => {
    expect(resultOf(sums, [2 ** 53 - 2, 1])).toBe(2 ** 53 - 1)
    expect(() => resultOf(sums, [2 ** 53 - 1, 1])).toThrow(/leaves the safe range .* BigInt\(…\) or a Decimal/)
    expect(() => resultOf(sums, [-(2 ** 53 - 1), -1])).toThrow(/safe range/)
    expect(() => resultOf(sums, [2 ** 53])).toThrow(/safe range/)
    expect(() => resultOf(averages, [2 ** 53 - 1, 1])).toThrow(/safe range/)
    expect(resultOf(sums, [2n ** 63n, 2n ** 63n])).toBe(2n ** 64n)
  })

  test('numbers with a fraction add up as numbers do', () => {
    expect(resultOf(sums, [0.5, 0.25, null, 1])).toBe(1.75)
    expect(resultOf(sums, [2 ** 53 - 1, 0.5])).toBe(2 ** 53)
    expect(resultOf(averages, [0.5, 1])).toBe(0.75)
    expect(resultOf(averages, [1, 2])).toBe(1.5)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%s cannot be added up', (value) => {
    for (const fn of [sums, averages]) {
      expect(() => resultOf(fn, [value])).toThrow(/cannot be added up: filter it out or select null/)
      expect(() => resultOf(fn, [1, value])).toThrow(/cannot be added up/)
      expect(() => resultOf(fn, [new Decimal(value)])).toThrow(/cannot be added up: expected a finite Decimal/)
    }
  })

  test('a sum beyond the largest number is refused', () => {
    expect(() => resultOf(sums, [1.5e308, 1.1e-3, 1.5e308])).toThrow()
    expect(() => resultOf(sums, [0.1, Number.MAX_VALUE / 3 + 0.5, 1])).toThrow(/safe range/)
  })

  test.each([Number.NaN, new Decimal(Number.NaN), new Date(Number.NaN), {}, Symbol('s')])(
    '%s has no order',
    (value) => {
      for (const fn of [min, max, maxBy])
        expect(() => resultOf(form(fn(given)), [given(value)])).toThrow(/has no order|no common/)
    },
  )

  test('NaN is no value to count', () => {
    expect(() => resultOf(form(countDistinct(given)), [Number.NaN])).toThrow(/NaN has no order/)
  })

  test('values of several types neither add up nor compare', () => {
    const mixes: readonly (readonly Numeric[])[] = [
      [1, 1n],
      [1n, 1],
      [new Decimal(1), 1],
      [1, new Decimal(1)],
      [1n, new Decimal(1)],
    ]
    for (const mix of mixes) {
      expect(() => resultOf(sums, mix)).toThrow(/select values of one type/)
      expect(() => resultOf(averages, mix)).toThrow(/select values of one type/)
      expect(() => resultOf(form(max(given)), mix)).toThrow(/select values of one type/)
    }
    expect(() => resultOf(sums, ['1'])).toThrow(/string 1 cannot be added up/)
    expect(() => resultOf(form(max(given)), ['1', 1])).toThrow(/no common order/)
  })

  test('-0 is 0', () => {
    expect(resultOf(sums, [-0])).toBe(0)
    expect(resultOf(averages, [-0])).toBe(0)
    expect(resultOf(form(countDistinct(given)), [0, -0])).toBe(1)
  })

  test('the average of bigints is cut off towards zero', () => {
    expect([resultOf(averages, [7n, 8n]), resultOf(averages, [-7n, -8n])]).toEqual([7n, -7n])
  })

  test('the average of Decimals is rounded half up, to the digits asked for, or those of the sum and at least 6', () => {
    const decimals = (...texts: string[]) => texts.map((text) => new Decimal(text))
    const average = (values: readonly Decimal[], scale?: number): string =>
      String(resultOf(form(avg(given, scale === undefined ? {} : { scale })), values))
    expect(average(decimals('1', '0', '1'))).toBe('0.666667')
    expect(average(decimals('0.00000001', '0', '0'))).toBe('0')
    expect(average(decimals('0.00000002', '0'))).toBe('0.00000001')
    expect(average(decimals('0.10', '0.15'), 2)).toBe('0.13')
    expect(average(decimals('-0.10', '-0.15'), 2)).toBe('-0.13')
  })

  test("Decimals of a user's own class are added up exactly all the same", () => {
    const total = resultOf(sums, [new ForeignDecimal('0.123456789'), new ForeignDecimal('1000000')])
    expect((total as Decimal).constructor).toBe(Decimal)
    expect(String(total)).toBe('1000000.123456789')
    expect((resultOf(form(max(given)), [new ForeignDecimal('1')]) as Decimal).constructor).toBe(Decimal)
  })

  test('a sum of Decimals of too many digits is refused', () => {
    expect(() => resultOf(sums, [new Decimal('1e-100'), new Decimal('1e100')])).toThrow(/more than 160 digits/)
  })

  test('a row says which column a value does not fit', () => {
    const row = form(aggregates({ bids: count(), total: sum(given) }))
    expect(() => resultOf(row, [1, Number.NaN])).toThrow(/^column "total": NaN cannot be added up/)
    const merged = () => row.merge(row.add(1, row.create()), row.add(1n, row.create()))
    expect(merged).toThrow(/^column "total": .*one type/)
  })
})

describe('functions that take back', () => {
  const taken = (fn: AggregateFunction<Value, unknown, unknown>, added: readonly Value[], value: Value) => () => {
    const form = retracting('n', fn)
    let accumulator = form.create()
    for (const one of added) accumulator = form.add(one, accumulator)
    return form.result(form.retract(value, accumulator))
  }

  test.each([
    ['count', count<Value>()],
    ['sum', sum(given)],
    ['avg', avg(given)],
    ['max', max(given)],
    ['maxBy', maxBy(given)],
    ['countDistinct', countDistinct(given)],
    ['aggregates', aggregates({ top: max(given) })],
  ])('%s refuses to take back what was not added', (_name, fn) => {
    expect(taken(fn, [], 1)).toThrow(/number 1 is taken back, which was not added/)
    expect(taken(fn, [1], 1)).not.toThrow()
  })

  test('NULLs are taken back as they were added: not at all', () => {
    for (const fn of [...ONE_VALUE, countDistinct]) expect(taken(fn(given), [null, 1], null)).not.toThrow()
    expect(taken(count(given), [null, 1], null)()).toBe(1)
  })

  test('a sum of numbers keeps no trace of what was taken back', () => {
    const double = fc.double({ min: -1e200, max: 1e200, noNaN: true })
    const fraction = double.filter((value) => !Number.isInteger(value))
    const form = retracting(
      'n',
      sum((value: number) => value),
    )
    fc.assert(
      fc.property(fc.array(fraction, { maxLength: 8 }), fc.array(fraction, { maxLength: 8 }), (stays, goes) => {
        let total = form.create()
        for (const value of [...goes, ...stays]) total = form.add(value, total)
        for (const value of goes) total = form.retract(value, total)
        const parts: number[] = []
        for (const value of stays) addToExactSum(parts, value)
        expect(form.result(total)).toBe(stays.length === 0 ? null : roundExactSum(parts) + 0)
      }),
    )
    expect(taken(sum(given), [0.1, 0.2], 0.1)()).toBe(0.2)
    expect(0.1 + 0.2 - 0.1).not.toBe(0.2)
  })

  test('a function that only adds is refused with the name of the node, a column with its own', () => {
    const longest: AggregateFunction<Value, string, string> = {
      create: () => '',
      add: (value, kept) => (String(value).length > kept.length ? String(value) : kept),
      result: (kept) => kept,
      merge: (a, b) => (b.length > a.length ? b : a),
    }
    expect(() => retracting('totals', longest)).toThrow(
      expect.objectContaining({
        code: 'GRAPH_BAD_FUNCTION',
        message: expect.stringMatching(/"totals".*only adds.*retract\(\)/),
      }),
    )
    expect(() => retracting('totals', aggregates({ n: count<Value>(), longest }))).toThrow(/"totals".*column "longest"/)
  })
})

describe('an exact sum', () => {
  // Numbers as whole multiples of the least of them, 2^-1074.
  const multiple = (value: number): bigint => {
    const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0] as bigint
    const exponent = bits >> 52n
    const digits = exponent === 0n ? bits : ((bits & (2n ** 52n - 1n)) | (2n ** 52n)) << (exponent - 1n)
    return value < 0 ? -digits : digits
  }
  const nearest = (total: bigint): number => {
    const size = total < 0n ? -total : total
    const shift = BigInt(Math.max(0, size.toString(2).length - 64))
    // What is cut off counts as one more digit, so that Number() rounds once.
    const cut = (size >> shift) | (size % (1n << shift) === 0n ? 0n : 1n)
    return Number(cut) * 2 ** (Number(shift) - 1074) * (total < 0n ? -1 : 1)
  }

  test('is the number nearest to the true sum, in whatever order it was added', () => {
    const double = fc.double({ min: -1e290, max: 1e290, noNaN: true })
    const near = fc.tuple(
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom(2 ** 53, 1, 0.5, 2 ** -53, 2 ** -54, 2 ** -1074),
    )
    const halfway = near.map(([n, unit]) => n * unit)
    fc.assert(
      fc.property(fc.array(fc.oneof(double, halfway), { maxLength: 12 }), (values) => {
        const parts: number[] = []
        for (const value of values) addToExactSum(parts, value)
        const truth = values.reduce((total, value) => total + multiple(value), 0n)
        expect(roundExactSum(parts) + 0).toBe(nearest(truth) + 0)
        // Nothing overlaps, so that what is left of many numbers stays short.
        expect(parts.length).toBeLessThan(45)
      }),
      { numRuns: 2000 },
    )
  })
})
