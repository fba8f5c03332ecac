// compareValues: exact over all carriers of numbers, against integers of any size.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Decimal } from '../../../../src/index.ts'
import { compareValues, compileOrder } from '../../../../src/relay/handlers/comparison.ts'

const SCALE = 6

/** Every way in which a number of `units` millionths can be carried. */
function carriers(units: bigint): unknown[] {
  const sign = units < 0n ? '-' : ''
  const digits = String(units < 0n ? -units : units).padStart(SCALE + 1, '0')
  const text = `${sign}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`
  const whole = units % 1_000_000n === 0n
  const forms: unknown[] = [text, new Decimal(text), `${text}000`, `${sign}${digits}e-6`]
  if (whole) forms.push(units / 1_000_000n, String(units / 1_000_000n))
  if (digits.length <= 15) forms.push(Number(text))
  return forms
}

const units = fc.oneof(
  fc.bigInt({ min: -3_000_000n, max: 3_000_000n }),
  fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
  fc.bigInt({ min: 9007199254740990n, max: 9007199254740996n }).map((n) => n * 1_000_000n),
)

describe('compareValues', () => {
  it('orders numbers by value, whatever carries them', () => {
    fc.assert(
      fc.property(units, units, (a, b) => {
        const expected = a < b ? -1 : a > b ? 1 : 0
        for (const left of carriers(a))
          for (const right of carriers(b)) {
            // Two texts are texts.
            if (typeof left === 'string' && typeof right === 'string') continue
            expect(compareValues(left, right), `${String(left)} and ${String(right)}`).toBe(expected)
          }
      }),
    )
  })

  it.each([
    [9007199254740993n, 9007199254740992, 1],
    ['9007199254740993', 9007199254740992, 1],
    ['12.50', 12.5, 0],
    [0.1, new Decimal('0.1'), 0],
    [true, 1, 0],
    [true, '1', 0],
    [false, 'false', 0],
    ['b', 'a', 1],
    ['10', '9', -1],
    [new Date('2024-02-29T00:00:00Z'), '2024-02-29', 0],
    [new Date('2024-02-29T12:00:00.500Z'), '2024-02-29 12:00:00.5', 0],
    [new Date('2024-02-29T12:00:00.500Z'), '2024-02-29 12:00:00.500001', -1],
    [new Date('2024-02-29T12:00:00Z'), '2024-02-29T14:00:00+02:00', 0],
    [new Date(5), 5n, 0],
    [Uint8Array.of(0xff), 'a', 1],
    [Number.POSITIVE_INFINITY, new Decimal('1e400'), 1],
  ])('%o and %o: %o', (a, b, expected) => {
    expect(compareValues(a, b)).toBe(expected)
    expect(compareValues(b, a)).toBe(0 - expected + 0)
  })

  it.each([
    [null, 1],
    [undefined, 'a'],
    [Number.NaN, 1],
    [Number.NaN, new Decimal(1)],
    ['abc', 1],
    ['', 0],
    ['1e9999999', 1],
    ['0x10', 16],
    [{}, 1],
    [[], ''],
    [new Date(Number.NaN), 1],
    [new Date(0), 'soon'],
    [new Date(0), true],
    [Uint8Array.of(1), 1],
  ])('%o and %o cannot be compared', (a, b) => {
    expect(compareValues(a, b)).toBeUndefined()
    expect(compareValues(b, a)).toBeUndefined()
  })

  it('literals with all digits, and of bytes', () => {
    expect(compileOrder({ decimal: '12345678901234567890.123' })('12345678901234567890.1230')).toBe(0)
    expect(compileOrder({ hex: '00ff' })(Uint8Array.of(0, 255))).toBe(0)
    expect(compileOrder({ hex: '00ff' })(Uint8Array.of(0))).toBe(-1)
  })
})
